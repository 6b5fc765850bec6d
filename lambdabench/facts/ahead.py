"""What compilers say of suites' cases for machines that are not here: ahead.csv, written by `.ci/ahead.py`, a row a case.

Predictions of a compiler and no measurements: whether a case compiles, whether it fits, and at which batch after halving.
"""

import csv
import functools
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..core.ahead import Compiled
from ..core.options import phrase
from ..core.spec import Case

FILE = Path(__file__).parent / "ahead.csv"
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A case for a target. `fits`: images over all devices of the largest batch that fits where the asked one is halved; 0: none known.
    Memory is of one device, at that batch; `needed_gib` what the compiler wanted at the batch that was asked for."""

    target: str
    model: str
    mode: str
    dtype: str
    image_px: int
    batch_size: int
    options: str
    status: str
    fits: int
    kernel: str
    arguments_gib: float
    extra_gib: float
    needed_gib: float
    seconds: float
    jax: str
    libtpu: str
    reason: str


def row_of(target: str, case: Case, first: Compiled, last: Compiled, batch_size: int) -> Row:
    """Of what the compiler says of a case, and of the batch that halving ended at."""
    return Row(
        target=target,
        model=case.model,
        mode=case.mode,
        dtype=case.dtype,
        image_px=case.image_px or 0,
        batch_size=case.batch_size,
        options=_options(case),
        status=first.status,
        fits=batch_size if last.status == "fits" else 0,
        kernel=last.kernel,
        arguments_gib=round(last.argument_bytes / GIB, 3),
        extra_gib=round(last.extra_bytes / GIB, 3),
        needed_gib=round(first.needed_bytes / GIB, 2),
        seconds=round(first.seconds if first is last else first.seconds + last.seconds, 1),
        jax=last.jax,
        libtpu=last.libtpu,
        reason=last.reason if last.status != "fits" else "",
    )


def find(rows: Iterable[Row], target: str, case: Case) -> Row | None:
    """What is known of a resolved case; None where it was not compiled yet."""
    key = (target, case.model, case.mode, case.dtype, case.image_px, case.batch_size, _options(case))
    return next((row for row in rows if _key(row) == key), None)


@functools.cache
def shipped() -> tuple[Row, ...]:
    """What the file holds."""
    return read(FILE)


def read(path: Path) -> tuple[Row, ...]:
    """Rows of a file; none where it is not there."""
    if not path.exists():
        return ()
    kinds = {field.name: field.type for field in fields(Row)}
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(Row(**{name: kinds[name](text) for name, text in row.items()}) for row in csv.DictReader(file))  # pyright: ignore[reportCallIssue]


def text_of(rows: Iterable[Row]) -> str:
    """The file's text, sorted."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Row)], lineterminator="\n")
    writer.writeheader()
    for row in sorted(rows, key=_key):
        writer.writerow(asdict(row))
    return text.getvalue()


def joined(old: Iterable[Row], new: Iterable[Row]) -> tuple[Row, ...]:
    """The new rows, and the old ones of other cases."""
    fresh = tuple(new)
    keys = {_key(row) for row in fresh}
    return (*(row for row in old if _key(row) not in keys), *fresh)


def _key(row: Row) -> tuple[str, str, str, str, int, int, str]:
    return row.target, row.model, row.mode, row.dtype, row.image_px, row.batch_size, row.options


def _options(case: Case) -> str:
    return phrase(dict(case.options), tuple(sorted(dict(case.options))))
