"""What this machine, or a backend, cannot measure of cases that it has measured otherwise, as sentences."""
# pyright: basic
# (pandas is not fully typed)

import pandas as pd


def unsupported_metrics(rows: pd.DataFrame) -> list[str]:
    """A line a metric and reason, of the newest rows: "energy of 4 cases is unsupported: this machine shows no energy counter ..."."""
    if rows.empty:
        return []
    mine = rows[(rows["status"] == "unsupported") & rows["metric"].notna()]
    result: list[str] = []
    for (metric, reason), same in mine.groupby(["metric", "reason"], sort=False, observed=True):
        count = same.groupby(["case_id", "fingerprint"], observed=True).ngroups
        result.append(f"{metric} of {count} case{'' if count == 1 else 's'} is unsupported: {reason}")
    return result
