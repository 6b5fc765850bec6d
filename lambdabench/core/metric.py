"""What a metric is, said once in its own module of `metrics/`: title, unit, which way is better, how it is shown.

Axes, bars, columns of tables, checks of files and fronts read this, so that a metric is one module, ours or an outsider's entry point.
"""

import functools
import re
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Literal

from . import registry
from .loads import METRIC, load_named
from .quantiles import NAME as QUANTILE
from .units import SCALES

Better = Literal["lower", "higher", ""]
Values = Literal["any", "not negative", "positive"]
NORMALIZED = "normalized_"
"""Before the name of a metric of a halved batch: of as many steps as the batch that was asked for takes."""
LAST = 50
"""The place in a table of what names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric as its module describes it. `unit` is stored; people are shown `factor` times a value in the unit `shown`."""

    name: str
    title: str
    unit: str
    better: Better
    timed: bool
    """Whether it is answered from visits, and not once where a case is opened."""
    shown: str
    factor: float
    column: str
    """Its title over a column of a table, with the unit shown; empty where tables have no place for it."""
    place: int
    """Columns of lower ones stand first."""
    values: Values
    """What a value of it may be."""
    axis: str
    """Its label at an axis."""
    beside: tuple[str, ...] = ()
    """Metrics that are asked for where it is."""

    @property
    def sign(self) -> int:
        """1 where more of it is better, else -1."""
        return 1 if self.better == "higher" else -1


def metric(name: str) -> Metric:
    """The description of a metric, or of a column made of one: `latency_p95`, `normalized_latency`. Raises UnknownNameError."""
    base = name.removeprefix(NORMALIZED)
    head, _, tail = base.rpartition("_")
    return described(head if QUANTILE.fullmatch(tail) else base)


@functools.cache
def described(name: str) -> Metric:
    """The description of the module of that name, or of such a module's metric at one load. Raises UnknownNameError."""
    if load := load_named(name):
        whole = described(METRIC)
        title = f"{whole.title} of {load.told()}"
        return replace(whole, name=name, title=title, axis=f"{title[0].lower()}{title[1:]} [{whole.shown}]", beside=())
    module = registry.load("metrics", name)
    shown, factor = getattr(module, "SHOWN", None) or SCALES.get(module.UNIT, (module.UNIT, 1.0))
    return Metric(
        name=name,
        title=module.TITLE,
        unit=module.UNIT,
        better=module.BETTER,
        timed=module.TIMED,
        shown=shown,
        factor=factor,
        column=_said(module, "COLUMN", f"{module.TITLE[0].lower()}{module.TITLE[1:]}, {shown}"),
        place=getattr(module, "PLACE", LAST),
        values=getattr(module, "VALUES", "positive" if module.TIMED else "not negative"),
        beside=getattr(module, "BESIDE", ()),
        axis=_said(module, "AXIS", f"{name.replace('_', ' ')} [{shown}]"),
    )


@functools.cache
def metrics() -> tuple[Metric, ...]:
    """All there are, ours and outsiders', in the order of their columns."""
    return tuple(sorted(map(described, registry.names("metrics")), key=lambda known: (known.place, known.name)))


def axes() -> dict[str, Metric]:
    """Those that a figure can have along an axis, by name: of which it is known which way is better."""
    return {known.name: known for known in metrics() if known.better}


def columns() -> tuple[Metric, ...]:
    """Those that tables have a column for."""
    return tuple(known for known in metrics() if known.column)


def _said(module: ModuleType, name: str, otherwise: str) -> str:
    return re.sub(r"\s+", " ", getattr(module, name, otherwise))
