"""The quickest runtime of each network, beside the next and beside torch eager: a table for suites with one front over all runtimes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..core import fields
from ..core.units import format_significant
from .answers import Answer, answer, lines
from .estimate import Estimate, ratio
from .published_accuracy import network_of

EAGER, BACKEND = "torch_eager", "backend"
TITLES = ("model", "conditions", "quickest", "ms", "next", "times the next", f"times {EAGER}")
SAME = (
    "kind",
    "model",
    "model_hash",
    "image_px",
    "batch_size",
    "device_name",
    "device",
    "mode",
    "dtype",
    "fingerprint",
)
LEGEND = (
    "Ratios of speed, [low, high]: 95 % interval, as if errors of the two were independent; where the next one's holds 1 the two cannot "
    "be told apart. Outputs were compared with eager float32's on the same weights and inputs.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BestRuntime:
    """One network in its conditions. Estimates are None where one of the two has no interval, or is not there."""

    model: str
    conditions: str
    backend: str
    latency: Answer
    following: str
    """The next quickest runtime."""
    lead: Estimate | None
    over_eager: Estimate | None


def best_runtimes(cases: pd.DataFrame) -> tuple[BestRuntime, ...]:
    """Of every network with numbers in two runtimes at least, from the wide table of answers, in its order."""
    usable = cases[cases["status"] == "ok"] if len(cases) else cases
    if usable.empty or "latency" not in usable:
        return ()
    usable = usable.dropna(subset=["latency"]).drop_duplicates(["case_id", "fingerprint"])
    usable = usable.assign(network=usable["options"].map(network_of))  # of 8-bit integers it is another one
    keys = [*(name for name in SAME if name in usable), "network"]
    groups = [group for _, group in usable.groupby(keys, sort=False, dropna=False) if group[BACKEND].nunique() > 1]
    firsts = [{str(key): item for key, item in group.iloc[0].items() if key != BACKEND} for group in groups]
    tell = fields.teller([first | {"options": "{}"} for first in firsts])
    return tuple(_best(group, tell(first | {"options": "{}"})) for group, first in zip(groups, firsts, strict=True))


def cells(best: BestRuntime) -> tuple[str | Answer, ...]:
    """The texts of a row."""
    return (
        best.model,
        best.conditions,
        best.backend,
        best.latency,
        best.following,
        _words(best.lead),
        "1" if best.backend == EAGER else _words(best.over_eager),
    )


def texts(best: BestRuntime) -> tuple[str, ...]:
    """The same for a terminal."""
    return tuple(cell if isinstance(cell, str) else cell.words() for cell in cells(best))


def is_asked(across: Sequence[str]) -> bool:
    """Whether a suite has one front over all runtimes."""
    return BACKEND in across


def _best(group: pd.DataFrame, conditions: str) -> BestRuntime:
    ranked: list[dict[str, Any]] = sorted(lines(group), key=lambda line: answer(line, "latency").value or math.inf)
    quickest = ranked[0]
    following = next(line for line in ranked if line[BACKEND] != quickest[BACKEND])
    eager = next((line for line in ranked if line[BACKEND] == EAGER), None)
    return BestRuntime(
        model=str(quickest["model"]),
        conditions=", ".join(
            filter(None, (f"{int(quickest['image_px'])} px, b={int(quickest['batch_size'])}", conditions))
        ),
        backend=_name(quickest),
        latency=answer(quickest, "latency"),
        following=_name(following),
        lead=_ratio(following, quickest),
        over_eager=None if eager is None else _ratio(eager, quickest),
    )


def _name(line: dict[str, Any]) -> str:
    """A runtime with its own options."""
    given = {key: value for key, value in fields.options(line).items() if key not in ("weights", "input")}
    return str(line[BACKEND]) + (f" ({', '.join(f'{key}={value}' for key, value in given.items())})" if given else "")


def _ratio(slower: dict[str, Any], quicker: dict[str, Any]) -> Estimate | None:
    top, bottom = (answer(line, "latency").estimate for line in (slower, quicker))
    return ratio(top, bottom) if top and bottom else None


def _words(estimate: Estimate | None) -> str:
    if estimate is None:
        return format_significant(None)
    return f"{format_significant(estimate.value)} [{format_significant(estimate.low)}, {format_significant(estimate.high)}]"
