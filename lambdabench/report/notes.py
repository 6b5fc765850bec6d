"""What a figure or a table must say beside its numbers: conditions, origins, what intervals cover, what is missing."""

import pandas as pd

NAMED = 8
"""Cases of one hole that are named; of more, the number is said."""


def notes(cases: pd.DataFrame, points: pd.DataFrame) -> tuple[str, ...]:
    """The conditions, origins and holes of accuracy against speed."""
    if cases.empty:
        return ()
    lines = _conditions(cases, each="a front")
    sources = sorted({one for one in points.get("top1_source", ()) if one})
    if sources:
        lines.append(
            f"Accuracy is quoted from {'; '.join(sources)}, best weights at the size that was timed; "
            "speed timed with random weights."
        )
    covers = sorted({str(one) for one in points.get("throughput_covers", ()) if isinstance(one, str)})
    if covers:
        lines.append(f"Bars: 95 % intervals ({', '.join(covers)}); accuracy: Wilson, over the validation images.")
    lines += _holes(cases)
    silent = sorted(set(cases[(cases["status"] == "ok") & cases["top1"].isna()]["model"])) if "top1" in cases else []
    if silent:
        lines.append(f"Not shown, no published accuracy at this size: {', '.join(silent)}.")
    return tuple(lines)


def curve_notes(cases: pd.DataFrame) -> tuple[str, ...]:
    """The conditions and holes of numbers against batch size or image size."""
    if cases.empty:
        return ()
    lines = _conditions(cases, each="curves")
    covers = sorted({str(one) for one in cases.get("latency_covers", ()) if isinstance(one, str)})
    if covers:
        lines.append(f"Bars: 95 % intervals ({', '.join(covers)}); memory is read once a process and has none.")
    return (*lines, *_holes(cases))


def _conditions(cases: pd.DataFrame, each: str) -> list[str]:
    lines = []
    for device, same in cases.groupby("device_name"):
        dtypes = ", ".join(sorted(set(same["dtype"])))
        threads = ", ".join(str(int(one)) for one in sorted(set(same["threads"])))
        versions = sorted({str(one) for one in same.get("env_torch", ()) if one})
        software = f", torch {', '.join(versions)}" if versions else ""
        days = sorted({str(one)[:10] for one in same["started_at"] if one})
        when = days[-1] if days else "never"
        lines.append(
            f"Measured on {device}, {dtypes}, {threads} threads{software}, mode {', '.join(sorted(set(same['mode'])))}, {when}."
        )
    if cases["fingerprint"].nunique() > 1:
        lines.append(f"Rows of {cases['fingerprint'].nunique()} environments are shown; each has {each} of its own.")
    return lines


def _holes(cases: pd.DataFrame) -> list[str]:
    """A line for each status and reason, naming its cases."""
    lines = []
    for (status, reason), same in cases[cases["status"] != "ok"].groupby(["status", "reason"], sort=False):
        named = [f"{row['model']} batch {row['batch_size']}" for _, row in same.iterrows()]
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        lines.append(f"Not shown: {', '.join(named[:NAMED])}{more}: {status}: {reason}.")
    return lines
