"""Files of predictions: a heading, then a line an image, appended a batch at a time, so that whoever is killed loses the batch in flight.

A line is `[place, [likeliest, second, ...]]`, or `[place, "why the image is broken"]`; places count the images of an evaluation.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import codec
from .errors import StoreError
from .evaluation import Heading

ENDING = ".jsonl"
Answer = tuple[int, ...] | str
"""The likeliest classes of an image, or why it is broken."""


@dataclass(slots=True)
class Predictions:
    """What a file holds so far. `refresh` reads what was appended since."""

    path: Path
    heading: Heading | None = None
    answers: dict[int, Answer] = field(default_factory=dict[int, Answer])
    _offset: int = 0

    def refresh(self) -> "Predictions":
        """Reads whole lines; the rest of one that is being written waits. Raises StoreError for what is no such file."""
        if not self.path.is_file():
            return self
        with self.path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        try:
            for line in whole.splitlines():
                self._take(json.loads(line))
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(
                f"{self.path} is no file of predictions ({error}); remove it, and they are made again"
            ) from error
        return self

    @property
    def broken(self) -> dict[int, str]:
        """Images without an answer, with the reason."""
        return {place: answer for place, answer in sorted(self.answers.items()) if isinstance(answer, str)}

    @property
    def is_complete(self) -> bool:
        """Whether every image was looked at."""
        return self.heading is not None and len(self.answers) == self.heading.subject.images

    def _take(self, line: object) -> None:
        if self.heading is None:
            self.heading = codec.decode(Heading, line)
            return
        place, answer = codec.decode(tuple[int, str | tuple[int, ...]], line)
        self.answers[place] = answer


def mend(path: Path) -> None:
    """Cuts off what a killed writer left of a line."""
    if not path.is_file():
        return
    with path.open("r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def append(path: Path, answers: Iterable[tuple[int, Answer]], heading: Heading | None = None) -> None:
    """Adds the lines of a batch, behind a heading where the file is new."""
    lines: Sequence[object] = [
        *([codec.encode(heading)] if heading else []),
        *(codec.encode(answer) for answer in answers),
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write("".join(f"{json.dumps(line)}\n" for line in lines).encode())


def files_in(folder: Path) -> list[Path]:
    """The files of predictions in a folder, by name."""
    return sorted(folder.glob(f"*{ENDING}")) if folder.is_dir() else []
