"""The table `[sampling]` of a suite file: how its cases are measured, and never what."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..core.loads import METRIC, load_of
from ..core.quantiles import EXPECTED, NAME
from ..core.spec import LARGEST, Sampling

SAMPLING = Sampling()
IGNORED = "Of older suites; it changes nothing."
LOADS = ("0.5", "0.7", "0.9")
"""Of the metric latency_under_load, where a suite names none."""
Count = Annotated[int, Field(ge=1, le=LARGEST)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


def _check_load(text: str) -> str:
    load_of(text)
    return text


def _check_quantile(name: str) -> str:
    if name and not NAME.fullmatch(name):
        raise ValueError(EXPECTED)
    return name


class SamplingTable(BaseModel):
    """`Sampling` as a file has it."""

    model_config = ConfigDict(extra="forbid")
    case_budget_s: Positive = SAMPLING.case_budget_s
    min_samples: Count = SAMPLING.min_samples
    warmup_calls: Annotated[int, Field(ge=0, le=LARGEST)] = SAMPLING.warmup_calls
    warmup_share: Share = SAMPLING.warmup_share
    target_precision: Share = Field(default=0.01, description=IGNORED)
    processes: Count = SAMPLING.processes
    rounds: Count = SAMPLING.rounds
    spread_processes: Count = Field(default=1, description="Of older suites: the greater of this and processes counts.")
    tells: Annotated[float, Field(gt=1, allow_inf_nan=False)] = SAMPLING.tells
    at: Annotated[str, AfterValidator(_check_quantile)] = Field(
        default=SAMPLING.at, description="A quantile of latency that is to have an upper bound: p95, p99.9."
    )
    aim_s: Positive | None = Field(
        default=None, description="Seconds of the whole run: fewer rounds where others' programs draw it out."
    )
    loads: list[Annotated[str, BeforeValidator(str), AfterValidator(_check_load)]] = Field(
        default=list(LOADS),
        min_length=1,
        description="Of the metric latency_under_load: shares of the service rate, 0.7, or requests a second, 30/s.",
    )
    load_budget_s: Positive = Field(
        default=SAMPLING.load_budget_s,
        description="Seconds in which requests arrive in all visits of a case, of each load.",
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = SAMPLING.seed
    seeds: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=SAMPLING.seeds, description="Trainings of a network whose accuracy (metric top1) is measured."
    )


def sampling_of(table: SamplingTable, metrics: Sequence[str], *, at: str | None, loads: Sequence[str]) -> Sampling:
    """The sampling of a table and flags; with loads where metrics ask for them."""
    model_dump = table.model_dump(exclude={"target_precision", "spread_processes"}, exclude_none=True)
    wanted = tuple(dict.fromkeys(loads or table.loads)) if METRIC in metrics else ()
    more = {"processes": max(table.processes, table.spread_processes), "at": at or table.at, "loads": wanted}
    return Sampling(**model_dump | more)
