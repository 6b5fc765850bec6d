"""In what the conditions of two sides differ, which is told before a network is blamed: read off the pairs themselves."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..core.cpu_contention import DISTURBED
from ..core.fields import NAMED, OPTION, value
from ..core.record import Effective
from ..core.spec import Environment
from .compare import HOW, Pair, Row

ENVIRONMENT = tuple(f"env_{field.name}" for field in fields(Environment) if field.name != "versions")
EFFECTIVE = tuple(
    f"effective_{field.name}"
    for field in fields(Effective)
    if field.name
    not in ("mode", "device", "devices", "batch_size", "features", "folded", "inputs", "warmup_calls", "meter")
)
"""What ran, but for what tells cases apart, what each network has of its own, and how memory was read."""
CLOCK, WAITED = "noise_sm_clock_mhz", "noise_cpu_waited"
NOISE = (CLOCK, WAITED)
READ = (*EFFECTIVE, *NOISE)
"""Columns of long rows that are needed beside those of the wide table."""
TITLES = {
    "env_lambdabench": "code",
    "env_cpu_flags": "instruction sets",
    "env_memory_gib": "GiB of memory",
    "env_allocator": "variables",
}
TOLD_AS_WORDS = ("env_cpu_flags", "env_allocator")
"""Lists, of which the words alone are told that one side has and the other has not."""
SAME_CLOCK = 1.02
"""Of clocks that differ by less nothing is said: a card changes its own by that much."""
FIRST = ("env_lambdabench", "model_hash", "device_name")
OF_THE_DEVICE = ("env_gpu", "env_gpus")
"""What is other with another device, and says no more than its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One condition, as it was on side A and on side B, in most of the `pairs` in which it differs; `others`: further changes of it."""

    name: str
    a: str
    b: str
    pairs: int
    others: int = 0


def differences(equal: Sequence[Pair], paired_by: Sequence[str] = ()) -> tuple[Difference, ...]:
    """What differs between the sides of some pair: code, device, libraries, driver, how it was to run and how it ran, clocks, waiting.

    What is the same everywhere, or is not known of a side, is not there. Of one thing that several columns tell the first is told. Fields
    `paired_by` are equal by choice. A change that is not that of all pairs has their number.
    """
    asked = [field.name for field in HOW if field.name not in paired_by]
    columns = [*FIRST, *(name for name in asked if name not in FIRST), *ENVIRONMENT[1:], *_libraries(equal), *EFFECTIVE]
    result: list[Difference] = []
    items: set[Any] = set()
    for column in columns:
        thing = column.removeprefix(OPTION).removeprefix("effective_").removeprefix("env_")
        changes = Counter(
            change for pair in equal if _differs(*(change := (_told(pair.a, column), _told(pair.b, column))))
        )
        is_told = thing in items or (column in OF_THE_DEVICE and "device_name" in items)
        if changes and not is_told and not (column == "env_cpu" and {*changes} <= items):
            items |= {thing, *changes}
            result.append(_difference(_title(column, thing), column, changes))
    return (*result, *_clock(equal), *_waiting(equal))


def _libraries(equal: Sequence[Pair]) -> list[str]:
    """The columns of libraries' versions that rows have."""
    there = {column for pair in equal for row in (pair.a, pair.b) for column in row if str(column).startswith("env_")}
    return sorted(there - {*ENVIRONMENT})


def _title(column: str, thing: str) -> str:
    return NAMED[column].title if column in NAMED else TITLES.get(column, thing.replace("_", " "))


def _difference(title: str, column: str, changes: Mapping[tuple[Any, Any], int]) -> Difference:
    a, b = map(str, max(changes, key=lambda change: changes[change]))
    if column in TOLD_AS_WORDS:
        mine, theirs = a.split(), b.split()
        a = " ".join(name for name in mine if name not in theirs)
        b = " ".join(name for name in theirs if name not in mine)
    return Difference(name=title, a=a, b=b, pairs=sum(changes.values()), others=len(changes) - 1)


def _told(row: Row, column: str) -> Any:
    """A row's value of a column; None where it is not known."""
    if column in NAMED:
        item = value(row, NAMED[column])
        return None if item == "" else item
    return row.get(column)


def _differs(a: Any, b: Any) -> bool:
    return a is not None and b is not None and a != b


def _clock(equal: Sequence[Pair]) -> list[Difference]:
    """The clock of a GPU's multiprocessors, where the medians of both sides differ."""
    a, b = _medians(equal, CLOCK)
    if a is None or b is None or max(a, b) < SAME_CLOCK * min(a, b):
        return []
    return [Difference(name="clock of the GPU", a=f"{a:,.0f} MHz", b=f"{b:,.0f} MHz", pairs=len(equal))]


def _waiting(equal: Sequence[Pair]) -> list[Difference]:
    """How much of the CPU that it wanted other programs had, where that is enough to disturb on one side alone."""
    a, b = _medians(equal, WAITED)
    if a is None or b is None or (a > DISTURBED) == (b > DISTURBED):
        return []
    return [Difference(name="CPU that others had", a=f"{100 * a:.0f} %", b=f"{100 * b:.0f} %", pairs=len(equal))]


def _medians(equal: Sequence[Pair], column: str) -> tuple[float | None, float | None]:
    """The median of each side, of the pairs of which both sides tell it; None where none does."""
    both = [(pair.a.get(column), pair.b.get(column)) for pair in equal]
    known = [(float(a), float(b)) for a, b in both if a is not None and b is not None]
    if not known:
        return None, None
    a, b = np.median(np.array(known), axis=0)
    return float(a), float(b)
