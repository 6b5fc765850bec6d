"""How long each way to apply lambdas takes on a kind of device, by measurement or by a model that is named: what `auto` chooses by."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

MEASURED = "measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A square map of `batch` images on one device, and the lambdas on it."""

    batch: int
    side: int
    scope: int
    heads: int = 4
    key_depth: int = 16
    value_depth: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTime:
    """Of one direction ("forward", "backward", or "step" for both together); infinite where it does not fit."""

    kind: str
    """As the framework calls the kind of device."""
    origin: str
    """ "measured", or the model's name."""
    stage: Stage
    kernel: str
    direction: str
    seconds: float


def of_kind(times: Iterable[KernelTime], kind: str) -> tuple[KernelTime, ...]:
    """Those of a kind of device: the measured ones where there are some, else the model's; never another kind's."""
    here = tuple(time for time in times if time.kind == kind)
    return tuple(time for time in here if time.origin == MEASURED) or here


def ranking(times: Iterable[KernelTime], side: float, scope: float) -> tuple[str, ...]:
    """Kernels, the quickest first, on the nearest stage that is known, by the directions that are known of all of them; empty where
    nothing is. What does not fit is left out."""
    known = tuple(times)
    if not known:
        return ()
    nearest = min(
        {time.stage for time in known}, key=lambda stage: (_distance(stage, side, scope), stage.side, stage.scope)
    )
    seconds: dict[str, dict[str, float]] = {}
    for time in known:
        if time.stage == nearest:
            seconds.setdefault(time.kernel, {})[time.direction] = time.seconds
    directions = {direction for each in seconds.values() for direction in each}
    shared = [direction for direction in directions if all(direction in each for each in seconds.values())]
    sums = {kernel: sum(each[direction] for direction in shared) for kernel, each in seconds.items()}
    return tuple(
        sorted((kernel for kernel, total in sums.items() if math.isfinite(total)), key=lambda name: sums[name])
    )


def _distance(stage: Stage, side: float, scope: float) -> float:
    return math.hypot(math.log(stage.side / side), math.log(stage.scope / scope))
