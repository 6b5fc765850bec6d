"""What a figure or a table must say beside its numbers: conditions, origins, what intervals cover, what is missing."""

import pandas as pd


def notes(cases: pd.DataFrame, points: pd.DataFrame) -> tuple[str, ...]:
    """The conditions, origins and holes that a figure must say."""
    if cases.empty:
        return ()
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
        lines.append(f"Rows of {cases['fingerprint'].nunique()} environments are shown; each has a front of its own.")
    sources = sorted({one for one in points.get("top1_source", ()) if one})
    if sources:
        lines.append(
            f"Accuracy is quoted from {'; '.join(sources)}, best weights at the size that was timed; "
            "speed timed with random weights."
        )
    covers = sorted({str(one) for one in points.get("throughput_covers", ()) if isinstance(one, str)})
    if covers:
        lines.append(f"Bars: 95 % intervals ({', '.join(covers)}); accuracy: Wilson, over the validation images.")
    holes = cases[cases["status"] != "ok"]
    lines += [
        f"Not shown: {row['model']} batch {row['batch_size']}: {row['status']}: {row['reason']}."
        for _, row in holes.iterrows()
    ]
    silent = sorted(set(cases[(cases["status"] == "ok") & cases["top1"].isna()]["model"])) if "top1" in cases else []
    if silent:
        lines.append(f"Not shown, no published accuracy at this size: {', '.join(silent)}.")
    return tuple(lines)
