"""The Pareto front: cases that no other case beats in both speed and accuracy."""

import pandas as pd

from ..core.errors import AxisError

BETTER = {
    "latency": "lower",
    "first_call": "lower",
    "first_run": "lower",
    "compile": "lower",
    "extra_memory": "lower",
    "peak_memory": "lower",
    "interaction_memory": "lower",
    "parameters": "lower",
    "flops": "lower",
    "throughput": "higher",
    "throughput_per_device": "higher",
    "top1": "higher",
}

FRONT_OF = ["asked_batch_size", "dtype", "param_dtype", "mode", "device", "devices", "threads", "fingerprint"]
"""Cases that differ in one of these are on fronts apart."""


def asked_batch(cases: pd.DataFrame) -> pd.Series:
    """The batch sizes that were asked for, where they did not fit too."""
    if "requested_batch_size" not in cases:
        return cases["batch_size"]
    return cases["requested_batch_size"].fillna(cases["batch_size"]).astype(int)


def pareto(cases: pd.DataFrame, *, x: str = "throughput", y: str = "top1") -> pd.DataFrame:
    """The cases that have both numbers, with `on_front` and `membership` (null: its probability is not known yet).

    Fronts are separate for each of FRONT_OF. A batch that was halved until it fitted is on the front of the batch that was asked for,
    its latency that of as many steps as this takes. Equal points are both on the front. Raises AxisError for a column without a
    direction.
    """
    for name in (x, y):
        if name not in BETTER:
            raise AxisError(f"found {name!r}, expected one of {', '.join(sorted(BETTER))}")
    for name in (x, y):
        if name not in cases:
            cases = cases.assign(**{name: float("nan")})
    kept = cases[cases[x].notna() & cases[y].notna() & (cases["status"] == "ok")].copy()
    kept["asked_batch_size"] = asked_batch(kept)
    if "latency" in (x, y):
        for name in ("latency", "latency_low", "latency_high"):
            if f"normalized_{name}" in kept:
                kept[name] = kept[f"normalized_{name}"].fillna(kept[name])
    kept["on_front"] = False
    kept["membership"] = float("nan")
    for _, group in kept.groupby([name for name in FRONT_OF if name in kept], dropna=False):
        kept.loc[front(group, x, y), "on_front"] = True
    return kept


def front(points: pd.DataFrame, x: str, y: str) -> list[object]:
    """Index labels of the points that no other point dominates: at least as good in both, better in one."""
    right = points[x] * (1 if BETTER[x] == "higher" else -1)
    up = points[y] * (1 if BETTER[y] == "higher" else -1)
    found: list[object] = []
    for label in points.index:
        as_good = (right >= right[label]) & (up >= up[label])
        better = (right > right[label]) | (up > up[label])
        if not (as_good & better).any():
            found.append(label)
    return found
