"""Whether two frameworks answer the same: first outputs of equal weights and inputs, number by number, with the speed of both."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import pandas as pd

from ..core import fields
from ..core.units import format_significant
from .answers import answer
from .estimate import Estimate, ratio
from .published_accuracy import what

LIMITS = {"float32": 1e-5, "tf32": 1e-2, "float32_default": 1e-1, "float16": 1e-2, "bfloat16": 1e-1}
"""Largest error over largest value up to which two answers of a whole network are one. JAX's default may be products in bfloat16."""
TRAINING = 100
"""Times as much where it trains: batch normalisation divides by the deviation of few images, which makes rounding large."""
WORST = 10
"""Times that in turn, up to which rounding alone may explain an error in training. Against float64, first call, seeded weights, 4 or 16
images of 64 or 128 px, resnet18, resnet50_cccc and resnet50_llll are off by 1e-6 to 4e-3 in float32, 0.002 to 0.5 in float16 and 0.02
to 0.5 in bfloat16; in inference by 3e-7, 7e-4 and 4e-3 at most."""
CAP = 0.2
"""Largest error that is ever called equal: unrelated answers of ten numbers or more are hardly ever that near."""
ZEROS = 1.0
"""The error of an answer of nothing but zeros, which no rounding excuses."""
Agrees = Literal["equal", "unclear", "different"]
TOLD: dict[Agrees, str] = {"equal": "equal", "unclear": "cannot be told", "different": "DIFFERENT"}
TITLES = ("model", "conditions", "image/s", "image/s", "second / first", "largest error / output")
BETWEEN = tuple(field.name for field in fields.FIELDS if field.of_framework)
"""What the two of an agreement may differ in."""
TOLD_APART = (*BETWEEN, "mode", "dtype")
"""What an agreement's cells tell, or what is no part of it."""
ONE = ["case_id", "fingerprint"]
"""What a row of the wide table is of; it has several where an architecture has several accuracies."""
SAME = [field.name for field in fields.FIELDS if field.name not in (*BETWEEN, "suite", "model_hash")]
"""What they have alike, their options aside. Whose weights are seeded is known by name, and answers are of any suite."""
CAVEAT = (
    "Frameworks are not ranked on a CPU: XLA's CPU backend is slow where it has no library's kernel, as for depthwise convolutions, "
    "and neither says how they compare on a GPU or a TPU."
)
UNCLEAR = (
    "Cannot be told: in training, rounding alone can make an error as large; "
    "inference, or float32 on larger images, tells whether the networks are one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two cases that are one but for the backend. `error`: largest difference over largest value; NaN where their shapes differ.

    Equal up to `limit`, different from `rounding` on: in training the larger one, and what lies between cannot be told.
    """

    model: str
    mode: str
    batch_size: int
    image_px: int
    dtype: str
    device: str
    told: str = ""
    """What else tells it from the others that were found: options, machine, environment."""
    backends: tuple[str, str]
    error: float
    limit: float
    rounding: float
    throughput: tuple[Estimate | None, Estimate | None]

    @property
    def finding(self) -> Agrees:
        """Whether the answers are the same; different where numbers are not there."""
        if self.error <= self.limit:
            return "equal"
        return "unclear" if self.error < self.rounding else "different"

    @property
    def ratio(self) -> Estimate | None:
        """Throughput of the second over that of the first."""
        first, second = self.throughput
        return ratio(second, first) if first and second else None


def agreements(newest: pd.DataFrame, cases: pd.DataFrame) -> tuple[Agreement, ...]:
    """Every pair of backends that ran one network on equal weights and inputs, from newest long rows and their wide table."""
    seeded = newest["options"].map(lambda text: "weights" in json.loads(str(text))).astype(bool)
    rows = newest[(newest["metric"] == "outputs") & seeded]
    if rows.empty or cases.empty:
        return ()
    rows = rows.sort_values("replicate").drop_duplicates(ONE)
    network = rows["options"].map(lambda text: json.dumps(what(json.loads(str(text))), sort_keys=True))
    wide = cases.drop_duplicates(ONE).set_index(ONE).sort_index()
    tell = fields.teller([_without_backend(row) for row in rows.to_dict("records")])
    result: list[Agreement] = []
    for _, group in rows.groupby([*SAME, network], sort=False, dropna=False):
        pairs = combinations([series for _, series in group.iterrows()], 2)
        result += [_agreement(a, b, wide, tell(_without_backend(a.to_dict()))) for a, b in pairs]
    return tuple(agreement for agreement in result if agreement.backends[0] != agreement.backends[1])


def _without_backend(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row without what its agreement tells in places of their own, and without options that are no part of the network."""
    options = what(json.loads(str(row["options"])))
    return {str(key): item for key, item in row.items() if key not in TOLD_APART} | {"options": json.dumps(options)}


def cells(agreement: Agreement) -> tuple[str, ...]:
    """The texts of a row: network, its conditions, both rates, their ratio, the error."""
    first, second = agreement.throughput
    return (
        agreement.model,
        ", ".join(
            filter(
                None,
                (
                    f"{agreement.image_px} px, b={agreement.batch_size}, {agreement.mode}, {agreement.dtype}",
                    agreement.told,
                ),
            )
        ),
        f"{agreement.backends[0]} {_told(first)}",
        f"{agreement.backends[1]} {_told(second)}",
        _told(agreement.ratio),
        f"{agreement.error:.1g} ({TOLD[agreement.finding]}, limit {agreement.limit:g})",
    )


def legend(result: Sequence[Agreement]) -> tuple[str, ...]:
    """What the table holds, and what must not be read into it."""
    lines = ["Same weights and inputs, drawn by NumPy; compared: the first call's first 1,000 outputs at most."]
    lines += [UNCLEAR] if any(agreement.finding == "unclear" for agreement in result) else []
    return (*lines, CAVEAT) if any(agreement.device == "cpu" for agreement in result) else tuple(lines)


def error(first: Iterable[float], second: Iterable[float]) -> float:
    """Largest difference over largest value of the first; NaN where one has more numbers, or none."""
    a, b = list(first), list(second)
    largest = max(map(abs, a), default=0.0)
    if len(a) != len(b) or not largest:
        return math.nan
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) / largest


def _agreement(a: pd.Series, b: pd.Series, wide: pd.DataFrame, name: str) -> Agreement:
    trains = a["mode"] == "train"
    limit = LIMITS[a["dtype"]] * (TRAINING if trains else 1)
    return Agreement(
        model=a["model"],
        mode=a["mode"],
        batch_size=int(a["batch_size"]),
        image_px=int(a["image_px"]),
        dtype=a["dtype"],
        device=a["device"],
        told=name,
        backends=(a["backend"], b["backend"]),
        error=error(a["samples"], b["samples"]),
        limit=min(limit, CAP),
        rounding=min(limit * (WORST if trains else 1), ZEROS),
        throughput=(_estimate(wide, a), _estimate(wide, b)),
    )


def _estimate(wide: pd.DataFrame, of: pd.Series) -> Estimate | None:
    """The throughput of an answer's case, in the environment that gave the answer."""
    row: Any = wide.loc[tuple(of[ONE])]
    return answer(row, "throughput").estimate


def _told(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return f"{format_significant(estimate.value)} [{format_significant(estimate.low)}, {format_significant(estimate.high)}]"
