"""Accuracy on images with known classes: weights into a network, images through a backend's session, predictions appended to a file."""

import collections
import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import models
from ..core import caches, codec, foreign, predictions, registry
from ..core.conversion import Conversion
from ..core.errors import EvaluationError, LambdabenchError, WrongOutputError
from ..core.evaluation import LIKELIEST, Ended, Evaluation, Heading
from ..core.exported import FORMATS, Exported
from ..core.ports import Session, Workload
from ..core.predictions import Answer, Predictions
from ..core.spec import Case, Environment
from ..machine import host
from . import checkpoints, exports, preprocessing
from .convert import as_torch
from .pretrained import pretrained

AHEAD = 3
"""Batches of images that are being read while one is looked at."""
SHOWN = 3
"""Names of classes that a message lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A session with what its batches go through."""

    asked: Evaluation
    session: Session
    channels_last: bool
    classes: int
    config: dict[str, Any]
    environment: Environment
    started_at: str


def answer(folder: Path, environment: Environment) -> None:
    """Reads request.json; evaluates in this environment; writes answer.json, with the problem where the request is at fault."""
    try:
        evaluate(codec.read(Evaluation, folder / "request.json"), environment)
        ended = Ended()
    except LambdabenchError as error:
        ended = Ended(problem=str(error))
    codec.write(folder / "answer.json", ended)


def evaluate(asked: Evaluation, environment: Environment) -> None:
    """Appends the likeliest classes of every image that the file of predictions has not yet.

    Raises EvaluationError where classes and network do not match, MismatchError where weights and network do not, WrongOutputError for
    outputs that are not finite: then nothing more is written.
    """
    started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    path = Path(asked.predictions)
    predictions.mend(path)
    done = Predictions(path=path).refresh()
    backend = registry.load("backends", asked.case.backend)
    backend.prepare(asked.case)
    classes = preprocessing.classes_of(asked.case, asked.tag)
    refuse_other_classes(asked, classes)
    config = preprocessing.config_of(asked.case, asked.tag)
    session: Session = backend.open_session(workload_of(asked, backend), asked.case, 0)
    opened = _Opened(
        asked=asked,
        session=session,
        channels_last=backend.FRAMEWORK == "jax",
        classes=classes,
        config=config,
        environment=environment,
        started_at=started_at,
    )
    try:
        _look(opened, [place for place in range(len(asked.images)) if place not in done.answers], done.heading is None)
    finally:
        session.close()


def refuse_other_classes(asked: Evaluation, classes: int) -> None:
    """Raises EvaluationError where the folder has not as many classes as the network tells apart."""
    if len(asked.classes) == classes:
        return
    names = ", ".join(asked.classes[:SHOWN]) + (", ..." if len(asked.classes) > SHOWN else "")
    raise EvaluationError(
        f"--data: {asked.folder} has {len(asked.classes):,} classes ({names}), and {asked.subject.model} tells {classes:,} apart; "
        "give a folder for each of them, a classes.txt there that lists all in the order of the outputs, or the --num-classes of a "
        "checkpoint"
    )


def workload_of(asked: Evaluation, backend: Any) -> Workload | Exported:
    """The network with its weights, as a file where the backend runs files. Raises MismatchError naming what does not fit,
    LambdabenchError where there are no weights."""
    own = tuple(pair for pair in asked.case.options if pair[0] not in backend.OPTIONS)
    case = dataclasses.replace(asked.case, options=own)
    is_file = backend.FRAMEWORK in FORMATS
    workload = models.create_workload(case, "torch" if is_file else backend.FRAMEWORK)
    state = from_checkpoint(asked, case) if asked.checkpoint else pretrained(case, asked.tag)
    if backend.FRAMEWORK == "jax":
        from ..models._weights.jax import load_torch_state  # a torch user may not have it

        load_torch_state(workload.network, state)
    else:
        workload.network.load_state_dict({name: checkpoints.to_torch(array) for name, array in state.items()})
    return _exported(workload, asked, case, backend.FRAMEWORK) if is_file else workload


def _exported(workload: Workload, asked: Evaluation, case: Case, format_: str) -> Exported:
    """The network with these weights as a file, which is gone with this process. Raises UnsupportedError with the exporter's reason."""
    from . import export  # with a counter of operations, which other evaluations do not need

    folder = Path(tempfile.mkdtemp(dir=caches.private()))
    request = exports.request_of(case, asked.case, format_, 0)
    return Exported(folder=folder, facts=export.export(workload, request, folder))


def from_checkpoint(asked: Evaluation, case: Case) -> dict[str, checkpoints.Array]:
    """A checkpoint's weights by torch's names, every name and shape checked. Raises EvaluationError, MismatchError."""
    state = checkpoints.bare(checkpoints.read(Path(asked.checkpoint), checkpoints.PARTS))
    named = Conversion(
        model=case.model, source=asked.checkpoint, target="", options=case.options, image_px=case.image_px
    )
    return as_torch(state, named)


def _look(opened: _Opened, todo: Sequence[int], is_new: bool) -> None:
    """Predictions of some images, batch by batch; those that are broken are told at once."""
    asked = opened.asked
    folder, path = Path(asked.folder), Path(asked.predictions)
    read = preprocessing.reader(opened.config)
    batch: list[tuple[int, Tensor]] = []
    broken: list[tuple[int, Answer]] = []
    with ThreadPoolExecutor(asked.case.threads or host.usable_cores()) as pool:
        files = [(place, folder / asked.images[place][0]) for place in todo]
        for number, (place, image) in enumerate(_read_ahead(pool, read, files, AHEAD * asked.case.batch_size), 1):
            if isinstance(image, str):
                broken.append((place, image))
            else:
                batch.append((place, image))
            if len(batch) == asked.case.batch_size or (number == len(files) and (batch or not is_new)):
                answers, heading = _answers(opened, batch, is_new) if batch else ((), None)
                predictions.append(path, [*answers, *broken], heading)
                batch, broken, is_new = [], [], False
    if broken:
        first = foreign.bounded(f"{asked.images[broken[0][0]][0]}: {broken[0][1]}")
        raise EvaluationError(
            f"--data: none of the {len(broken):,} images in {folder} can be read; the first is {first}; give images that Pillow opens"
        )


def _read_ahead(
    pool: ThreadPoolExecutor, read: preprocessing.Read, files: Sequence[tuple[int, Path]], ahead: int
) -> Iterator[tuple[int, Tensor | str]]:
    """The images in order, or why one cannot be read; `ahead` of them are read before they are asked for."""

    def tried(path: Path) -> Tensor | str:
        try:
            return read(path)
        except Exception as error:  # a decoder may fail in any way
            return (str(error).splitlines() or [type(error).__name__])[0].replace(str(path), path.name)

    waiting: collections.deque[tuple[int, Future[Tensor | str]]] = collections.deque()
    for place, path in files:
        waiting.append((place, pool.submit(tried, path)))
        if len(waiting) > ahead:
            known, future = waiting.popleft()
            yield known, future.result()
    while waiting:
        known, future = waiting.popleft()
        yield known, future.result()


def _answers(
    opened: _Opened, batch: Sequence[tuple[int, Tensor]], is_new: bool
) -> tuple[list[tuple[int, Answer]], Heading | None]:
    """(The likeliest classes of each image of a batch, the file's heading where it has none). A batch that is not full repeats its last
    image, since a compiled program takes one shape."""
    images = torch.stack([image for _, image in batch])
    missing = opened.asked.case.batch_size - len(batch)
    whole = torch.cat([images, images[-1:].expand(missing, *images.shape[1:])])
    session = opened.session
    session.feed((whole.permute(0, 2, 3, 1).contiguous().numpy() if opened.channels_last else whole,))
    output = session.call()
    session.synchronize()
    if problem := session.check(output):
        raise WrongOutputError(f"{problem}; no accuracy is reported for a wrong answer")
    logits = session.array(output)[: len(batch)]
    likeliest = np.argsort(-logits, axis=1, kind="stable")[:, :LIKELIEST]
    answers: list[tuple[int, Answer]] = [
        (place, tuple(item.tolist())) for (place, _), item in zip(batch, likeliest, strict=True)
    ]
    return answers, _heading(opened, output) if is_new else None


def _heading(opened: _Opened, output: Any) -> Heading:
    asked, compilation = opened.asked, opened.session.compilation()
    effective = opened.session.effective(output)
    return Heading(
        subject=asked.subject,
        case=asked.case,
        started_at=opened.started_at,
        place=Path(asked.folder).resolve().name,
        classes=opened.classes,
        is_limited=asked.is_limited,
        preprocessing=preprocessing.told(opened.config),
        effective=dataclasses.replace(effective, compiler=compilation.told()) if compilation else effective,
        environment=opened.environment,
    )
