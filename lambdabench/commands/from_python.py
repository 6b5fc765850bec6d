"""Commands as Python calls them: `lb.run`, `lb.write_report`, `lb.recommend` and `lb.check`, with the flags' names and texts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import pandas as pd

from .. import store
from ..analysis.recommend import Objective
from ..conduct import Progress
from ..core import flags, registry
from ..core.folders import REPORTS, RESULTS
from ..core.gate_protocol import PairOutcome
from ..core.spec import Value
from ..gate.check import Request as CheckRequest
from ..gate.result import Result as CheckResult
from ..suite.parse_overrides import KNOWN, overrides_of
from ._run_types import RunRequest
from .check import check
from .recommend import Advice, advise, wanted_of
from .report import write_report
from .run import idle, run

Words = str | Sequence[str]
Numbers = int | str | Sequence[int | str]
OWN = ("results", "reports", "budget_s", "patience_s", "precision", "claim", "fresh")
"""What `run_frame` takes beside the overrides."""


class RunOptions(TypedDict, total=False):
    """What `lb.run` takes beside the suite, each as its flag does."""

    models: Words | None
    model: Words | None
    at: str | None
    load: Words | None
    option: Mapping[str, Value | Sequence[Value]] | Words | None
    calibration: Path | str | None
    input: Words | None
    image_px: Numbers | None
    batch_size: Numbers | None
    device: str | None
    devices: int | Literal["all"] | str | None
    backend: Words | None
    dtype: Words | None
    layout: Words | None
    threads: int | None
    mode: Words | None
    results: Path | str | None
    reports: Path | str | None
    budget_s: float | str | None
    patience_s: float | str | None
    precision: float | str | None
    claim: Words | None
    fresh: bool | None


def run_frame(
    suite: str | Path, *, on_progress: Callable[[Progress], None] | None = None, **overrides: Unpack[RunOptions]
) -> pd.DataFrame:
    """What `lambdabench run` does: the long rows of the suite's cells.

    Overrides are named as the flags are and take what these take, numbers, and lists; `on_progress` hears of every visit. Raises what
    the command does.
    """
    given: dict[str, Any] = dict(overrides)
    own = {name: given[name] for name in OWN if given.get(name) is not None}
    if strange := sorted(set(given) - {*KNOWN, *OWN}):
        raise registry.unknown("override", strange[0], {*KNOWN, *OWN})
    own |= {name: store.place(own[name]) for name in ("results", "reports") if name in own}
    own |= {name: flags.duration(own[name], name) for name in ("budget_s", "patience_s") if name in own}
    if "precision" in own:
        own["precision"] = flags.share(own["precision"], "precision")
    if "claim" in own:
        own["claims"] = flags.words(own.pop("claim"), "claim")
    request = RunRequest(suite=str(suite), overrides=overrides_of(given), **own)
    return store.read([]) if idle(request) else run(request, on_progress).rows


def report_pages(
    suite: str, *, results: Path | str = RESULTS, reports: Path | str = REPORTS, weights: Words = ()
) -> tuple[Path, ...]:
    """What `lambdabench report` does: the files that it wrote, reports/<suite>/index.html among them. Raises NothingMeasuredError."""
    return write_report(suite, Path(results), Path(reports), flags.words(weights or None, "weights"))


def recommend(
    source: Path | str = RESULTS,
    *,
    max_latency: str | None = None,
    min_top1: float | str | None = None,
    min_throughput: float | str | None = None,
    max_memory: str | None = None,
    batch_size: int | None = None,
    license: Words | None = None,
    train_data: str | None = None,
    price: str | None = None,
    objective: Objective | None = None,
    suite: str | None = None,
) -> Advice:
    """What `lambdabench recommend` says, of a folder of rows or a .csv of published speeds; limits with their units: "25ms", "2GiB".
    Raises RequestError for a limit that is none, NothingMeasuredError."""
    wanted = wanted_of(
        {
            "max_latency": max_latency,
            "min_top1": min_top1,
            "min_throughput": min_throughput,
            "max_memory": max_memory,
            "batch_size": batch_size,
            "license": license,
            "train_data": train_data,
            "price": price,
            "objective": objective,
        }
    )
    return advise(Path(source), wanted, {"mode": ("inference",)}, suite)


def compare_commits(
    base: str,
    *,
    pytest: Path | str | None = None,
    suite: str = "kernels-quick",
    only: str = "*",
    build: str = "",
    folder: Path | str | None = None,
    on_outcome: Callable[[str, PairOutcome], None] = lambda *_: None,
) -> CheckResult:
    """What `lambdabench check --base` finds in a repository: a line a case, and the exit code. Raises LambdabenchError."""
    request = CheckRequest(base=base, suite=suite, only=only, folder=Path(folder) if folder else Path.cwd())
    return check(request, on_outcome, tests=None if pytest is None else str(pytest), build=build)
