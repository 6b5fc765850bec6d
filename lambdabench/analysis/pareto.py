"""The Pareto front: cases that no other case beats in both speed and accuracy."""

import pandas as pd

BETTER = {
    "latency": "lower",
    "first_call": "lower",
    "compile": "lower",
    "extra_memory": "lower",
    "peak_memory": "lower",
    "parameters": "lower",
    "flops": "lower",
    "throughput": "higher",
    "top1": "higher",
}


def pareto(cases: pd.DataFrame, *, x: str = "throughput", y: str = "top1") -> pd.DataFrame:
    """The cases that have both numbers, with `on_front` and `membership` (null: its probability is not known yet).

    Fronts are separate for each batch size, dtype, mode, device and fingerprint. Equal points are both on the front.
    Raises ValueError for a column without a direction.
    """
    for name in (x, y):
        if name not in BETTER:
            raise ValueError(f"found {name!r}, expected one of {', '.join(sorted(BETTER))}")
    for name in (x, y):
        if name not in cases:
            cases = cases.assign(**{name: float("nan")})
    kept = cases[cases[x].notna() & cases[y].notna() & (cases["status"] == "ok")].copy()
    kept["on_front"] = False
    kept["membership"] = float("nan")
    keys = ["batch_size", "dtype", "mode", "device", "fingerprint"]
    for _, group in kept.groupby(keys):
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
