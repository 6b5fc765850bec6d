"""What a figure or a table must say beside its numbers: conditions, origins, what intervals cover, what is missing."""

import re
from collections.abc import Sequence

import pandas as pd

NAMED = 8
"""Models that are named for one kind of hole; of more, the number is said."""
NUMBER = re.compile(r"\d[\d.,]*")


def notes(cases: pd.DataFrame, points: pd.DataFrame, axes: Sequence[str] = ("throughput", "top1")) -> tuple[str, ...]:
    """The conditions and origins of a front's points, and the holes among the cases."""
    if cases.empty:
        return ()
    lines = _conditions(points if len(points) else cases, each="a front")
    of_accuracy = "top1" in axes
    sources = sorted({one for one in points.get("top1_source", ()) if one and of_accuracy})
    if sources:
        lines.append(
            f"Accuracy is quoted from {'; '.join(sources)}, of weights at the size that was timed, {_data(points)}; "
            "speed timed with random weights."
        )
    covers = sorted({str(one) for name in axes for one in points.get(f"{name}_covers", ()) if isinstance(one, str)})
    if covers:
        wilson = "; accuracy: Wilson, over the validation images" if of_accuracy else ""
        lines.append(f"Bars: 95 % intervals ({', '.join(covers)}){wilson}.")
    if not of_accuracy:
        return (*lines, *_holes(cases))
    networks = cases[cases["kind"] == "model"] if "kind" in cases else cases
    return (*lines, *_holes(networks), *_without_accuracy(networks))


def _data(points: pd.DataFrame) -> str:
    """What the accuracies' weights were trained on."""
    more = sorted({one for one in points.get("top1_data", ()) if one})
    if not more:
        return "trained on ImageNet-1k alone"
    return f"some of them on more than ImageNet-1k, named with their model: {'; '.join(more)}"


def _without_accuracy(cases: pd.DataFrame) -> list[str]:
    """Models that were timed and have no accuracy to stand at, by the reason."""
    if "top1" not in cases:
        return []
    silent = cases[(cases["status"] == "ok") & cases["top1"].isna()]
    elsewhere = silent.get("top1_elsewhere", pd.Series("", silent.index)).fillna("") != ""
    lines = []
    for of_others, reason in (
        (False, "no published accuracy at this size"),
        (True, "no published accuracy of the weights that were asked for, only of others (--weights best)"),
    ):
        if names := sorted(set(silent[elsewhere == of_others]["model"])):
            lines.append(f"Not shown, {reason}: {', '.join(names)}.")
    return lines


def curve_notes(cases: pd.DataFrame, metrics: Sequence[str]) -> tuple[str, ...]:
    """The conditions and holes of metrics, of the cases that are drawn and of those that should be."""
    if cases.empty:
        return ()
    known = [name for name in metrics if name in cases]
    told = cases[cases[known].notna().any(axis=1)]
    lines = _conditions(told if len(told) else cases, each="curves")
    covers = {str(one) for name in metrics for one in cases.get(f"{name}_covers", ()) if isinstance(one, str)}
    lines.append(
        f"Bars: 95 % intervals ({', '.join(sorted(covers))})." if covers else "Without bars: read once a process."
    )
    return (*lines, *_holes(cases))


def _frameworks(cases: pd.DataFrame) -> list[str]:
    """The framework of each backend with its versions, "torch 2.15.0"."""
    backends = cases["backend"] if "backend" in cases else pd.Series("torch_eager", cases.index)
    found: set[str] = set()
    for framework, of_jax in (("jax", True), ("torch", False)):
        same = cases[backends.str.startswith("jax") == of_jax]
        versions = sorted({str(one) for one in same.get(f"env_{framework}", ()) if one})
        found |= {f"{framework} {', '.join(versions)}"} if versions else set()
    return sorted(found)


def _conditions(cases: pd.DataFrame, each: str) -> list[str]:
    lines = []
    for device, same in cases.groupby("device_name"):
        dtypes = ", ".join(sorted(set(same["dtype"])))
        threads = ", ".join(str(int(one)) for one in sorted(set(same["threads"])))
        threads += " thread" if threads == "1" else " threads"
        software = "".join(f", {one}" for one in _frameworks(same))
        days = sorted({str(one)[:10] for one in same["started_at"] if one})
        when = " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "never"
        lines.append(
            f"Measured on {device}, {dtypes}, {threads}{software}, mode {', '.join(sorted(set(same['mode'])))}, {when}."
        )
    if cases["fingerprint"].nunique() > 1:
        lines.append(f"Rows of {cases['fingerprint'].nunique()} environments are shown; each has {each} of its own.")
    return lines


def _holes(cases: pd.DataFrame) -> list[str]:
    """A line for each kind of hole, naming its cases; reasons that differ in numbers only are one kind, told by the first."""
    missing = cases[cases["status"] != "ok"]
    kinds = missing["reason"].astype(str).str.replace(NUMBER, "#", regex=True)
    lines = []
    for (status, _), same in missing.groupby([missing["status"], kinds], sort=False):
        named = [_name(str(model), alike) for model, alike in same.groupby("model", sort=False)]
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        likewise = " (the others likewise)" if same["reason"].nunique() > 1 else ""
        lines.append(f"Not shown: {', '.join(named[:NAMED])}{more}: {status}: {same['reason'].iloc[0]}{likewise}.")
    return lines


def _name(model: str, cases: pd.DataFrame) -> str:
    """A model with the batch sizes of its cases, and with their image sizes where there are several."""
    batches, sizes = (", ".join(str(int(one)) for one in sorted(set(cases[key]))) for key in ("batch_size", "image_px"))
    return f"{model} batch {batches}" + (f" at {sizes} px" if cases["image_px"].nunique() > 1 else "")
