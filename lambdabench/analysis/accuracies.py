"""Measured accuracies, for the cases of speed that they are of: of the same network, weights, size, and program where that was looked at.

A case that has an accuracy of its own shows it. Others take one of their own suite's, or of an evaluation, whatever suite they are of: of
the same backend and dtype, else that of torch in float32, run eagerly, which other programs of the network differ from by their rounding.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..core.evaluation import SUITE
from ..core.row_flags import LIMITED, has_flag
from ..core.training import WEIGHTS as TRAINED

METRICS = ("top1", "top5")
MEASURED = "measured"
"""Among weights: the accuracy that was measured here."""
UNLOADED = frozenset({"", "none", "random", "seeded", "the user's"})
"""What a case says of its weights that was timed with none that anybody trained."""
EXACT = ("torch_eager", "float32")
ONE = ("case_id", "fingerprint")
NETWORK = ("kind", "model", "model_hash")
OF_CASE = (*ONE, "suite", "dtype", "weights", "model_hash")
"""Columns of a case that say, beside its network, which measured accuracy is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The accuracy of one case, its processes taken together: the mean, and an interval over images, and over the processes where these
    differ by more. Percent."""

    row: Mapping[str, Any]
    """A row of it."""
    options: Mapping[str, Any]
    cells: Mapping[str, Any]


Index = Mapping[tuple[Any, ...], Sequence[Accuracy]]
"""Accuracies by what must be equal of a network."""


def index_of(newest: pd.DataFrame, options_of: Callable[[Mapping[Any, Any]], Mapping[str, Any]]) -> Index:
    """The accuracies among the newest long rows, those that count least first: of a part of the images, then older ones. `options_of` a
    row: those that make its network another one."""
    wanted = (newest["metric"].isin(METRICS) & (newest["status"] == "ok")).to_numpy()
    if not wanted.any():
        return {}
    rows = newest[wanted].astype({"metric": "str"})
    cases = [_accuracy(same, options_of) for _, same in rows.groupby(list(ONE), sort=False, observed=True)]
    accuracies: dict[tuple[Any, ...], list[Accuracy]] = {}
    for accuracy in sorted(filter(None, cases), key=lambda case: (not _is_limited(case), str(case.row["started_at"]))):
        accuracies.setdefault(_key(accuracy.row), []).append(accuracy)
    return accuracies


def accuracy_of(
    case: Mapping[Any, Any], options: Mapping[str, Any], index: Index
) -> tuple[Mapping[str, Any] | None, bool]:
    """(The columns of the measured accuracy of a case, or None; whether the case measured it itself). `options`: those that make its
    network another one."""
    known = index.get(_key(case), ())
    own = next((accuracy for accuracy in known if all(accuracy.row[name] == case[name] for name in ONE)), None)
    if own is not None:
        return own.cells, True
    known = [
        accuracy
        for accuracy in known
        if accuracy.options == options and accuracy.row["suite"] in (SUITE, case["suite"])
    ]
    if case["weights"] not in UNLOADED:
        known = [accuracy for accuracy in known if accuracy.row["weights"] == case["weights"]]
    program = (case["backend"], case["dtype"])
    for wanted in (program, EXACT):
        of_program = [accuracy for accuracy in known if (accuracy.row["backend"], accuracy.row["dtype"]) == wanted]
        if of_program:
            return of_program[-1].cells, False
    return None, False


def _accuracy(rows: pd.DataFrame, options_of: Callable[[Mapping[Any, Any]], Mapping[str, Any]]) -> Accuracy | None:
    """None of a case without top-1."""
    top1 = rows[rows["metric"] == "top1"]
    if top1.empty:
        return None
    first = {str(key): value for key, value in top1.iloc[-1].items()}
    low, high = _interval(top1)
    cells = {
        "top1": float(top1["value"].mean()),
        "top1_low": low,
        "top1_high": high,
        "top1_origin": MEASURED,
        "top1_tag": "" if first["weights"] in UNLOADED | {TRAINED} else str(first["weights"]),
        "top1_data": "",
        "top1_on": str(first.get("source") or "").partition(",")[0] if first["weights"] == TRAINED else "",
        "top1_source": str(first.get("source") or first["suite"]),
        "top5": float(rows[rows["metric"] == "top5"]["value"].mean()),
    }
    return Accuracy(row=first, options=options_of(first), cells=cells)


def _interval(rows: pd.DataFrame) -> tuple[float, float]:
    """Wilson's of the images, which all processes looked at; as wide as they differ where that is more."""
    low, high = (float(rows[end].mean()) for end in ("low", "high"))
    several = len(rows) > 1
    return (min(low, float(rows["value"].min())), max(high, float(rows["value"].max()))) if several else (low, high)


def _is_limited(accuracy: Accuracy) -> bool:
    return has_flag(accuracy.row["flags"], LIMITED)


def _key(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    return (int(row["image_px"]), *(row[name] if isinstance(row[name], str) else "" for name in NETWORK))
