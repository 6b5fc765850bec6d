"""The slowest calls of a case as text: quantiles with bounds, or how many calls a bound still wants; the share over a limit."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..analysis.tail_columns import over_of, tail_of
from ..analysis.tails import unseen
from ..core.quantiles import NAME as QUANTILE
from ..core.quantiles import fewest_calls, share_of
from ..core.spec import Job
from ..core.units import format_significant, format_time
from ..turns import TAIL_S


def quantile_cell(case: Mapping[str, Any], name: str) -> str:
    """A quantile in ms, "13.1 [12.9, 14.8]" or "13.1 not bounded: 41 of 59 calls"; an en dash for none."""
    tail = tail_of(case, name)
    return format_significant(None) if tail is None else tail.told()


def tails_line(case: Mapping[str, Any]) -> str:
    """All quantiles that a case has and its longest call, "p50 29.1 [28.8, 29.5] ms, p95 ..., longest 2.24 s"; empty where it has none."""
    names = [name for text in case if QUANTILE.fullmatch(name := str(text).removeprefix("latency_"))]
    texts = [f"{name} {tail.told(' ms')}" for name in names if (tail := tail_of(case, name)) is not None]
    return f"{', '.join(texts)}, longest {format_time(float(case['latency_longest']))}" if texts else ""


def calls_line(case: Mapping[str, Any]) -> str:
    """What a case's quantiles are of, and what may have escaped them; empty where it has none."""
    calls, visits = case.get("latency_calls"), case.get("latency_visits")
    if calls is None or pd.isna(calls):
        return ""
    name = f"of {int(calls):,} calls, each end of an interval with 95 % confidence by itself"
    if visits is None or pd.isna(visits):
        return f"{name}, in one piece"
    missed = 100 * unseen(int(visits))
    return f"{name}; what disturbs less than {missed:.0f} % of the time may have met none of the {int(visits)} visits"


def plan_line(jobs: Sequence[Job]) -> str:
    """What the quantile that was asked for takes, and how many cases have no time for it; empty where none was."""
    name = jobs[0].sampling.at
    if not name:
        return ""
    fewest = fewest_calls(share_of(name))
    short = [job for job in jobs if job.calls < job.sampling.tail_visits]
    text = f"{name}: an upper bound takes {fewest:,} calls, and as many visits of a case where {TAIL_S:g} s suffice for them"
    if not short:
        return text
    few = f"{min(job.calls for job in short):,} to {max(job.calls for job in short):,}"
    return f"{text}; {len(short)} of {len(jobs)} cases come to {few} calls: not bounded in one run, the next one adds as many"


def tail_legend(cases: pd.DataFrame, at: str) -> list[str]:
    """What a column of a quantile says, and of how many cases it has no bound; nothing where none was asked for."""
    column = f"latency_{at}"
    if column not in cases:
        return []
    timed = cases[cases[column].notna()]
    lines = [
        f"{at}: of all calls of every visit, disturbed ones too; each end of its interval holds with 95 % confidence by itself"
    ]
    if count := int(timed[f"{column}_high"].isna().sum()):
        lines.append(
            f"{at} of {count} of {len(timed)} cases is not bounded: the same command without --fresh adds visits to them"
        )
    return lines


def over_line(case: Mapping[str, Any], limit_s: float) -> str:
    """The share of calls over a limit, "14 % [10, 19] of the calls took longer than 25 ms"; empty where there are none."""
    share = over_of(case)
    return "" if share is None else f"{share.told()} of the calls took longer than {format_time(limit_s)}"
