"""What the program can do, as functions: no printing, no exit. The command line and Python call the same ones."""

import dataclasses
import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from . import launch, models, plan, plots, report, store, suite
from .analysis import pareto as front
from .analysis import table
from .core import registry
from .core.errors import NothingMeasuredError, SuiteError, UnsupportedError
from .core.identity import fingerprint
from .core.record import FAILED, Outcome, Record, records_of
from .core.spec import Case, Machine, Plan, Skip, Suite, Wish
from .machine import host, quiet
from .plots import pareto as pareto_plot

RESULTS, REPORTS = Path("results"), Path("reports")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What `run` is asked for; `overrides` are the flags that change a suite's axes."""

    suite: str
    overrides: suite.Overrides = suite.Overrides()
    results: Path = RESULTS
    reports: Path = REPORTS
    budget_s: float | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan with all it was made from."""

    suite: Suite
    machine: Machine
    plan: Plan
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """One step of a run: a job that begins (`outcome` None) or ends."""

    case: Case
    outcome: Outcome | None
    done: int
    total: int
    left_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run found. `cases` is the wide table of its cells, kept ones included, with `on_front`."""

    prepared: Prepared
    cases: pd.DataFrame
    rows: pd.DataFrame
    counts: Mapping[str, int]
    file: Path | None
    figures: tuple[Path, ...]
    seconds: float
    interrupted: bool = False

    def exit_code(self, strict: bool = False) -> int:
        """0 all is well, 1 a case failed (strict: or is unsupported, noisy or skipped), 3 nothing was measured."""
        if self.interrupted:
            return 130
        if any(self.counts.get(status) for status in FAILED):
            return 1
        if not self.counts.get("ok") and not self.counts.get("unsupported") and not self.counts.get("noisy"):
            return 3
        bad = sum(count for status, count in self.counts.items() if status != "ok")
        return 1 if strict and bad else 0


def prepare(request: RunRequest) -> Prepared:
    """Loads the suite, probes the machine, reads what is there, plans. Raises what these raise."""
    wanted = suite.load(request.suite, request.overrides)
    _check_names(wanted)
    found = launch.probe(_wishes(wanted))
    print_ = fingerprint(found.machine.environment)
    planned = plan.make(
        wanted,
        found.machine,
        found.facts,
        _done(request.results / wanted.name, print_),
        plan.Request(
            budget_s=request.budget_s,
            device_asked=request.overrides.device is not None,
            fresh=request.fresh,
            available_bytes=host.available_bytes(),
            defaults={name: models.option_defaults(name) for name in models.ours()},
        ),
    )
    return Prepared(suite=wanted, machine=found.machine, plan=planned, fingerprint=print_)


def run(request: RunRequest, on_progress: Callable[[Progress], None] | None = None) -> RunResult:
    """Measures what is not there yet, stores after every job, draws the suite's plots. Ctrl-C keeps what is done."""
    prepared = prepare(request)
    return execute(prepared, request, on_progress or (lambda _: None))


def execute(prepared: Prepared, request: RunRequest, on_progress: Callable[[Progress], None]) -> RunResult:
    """Carries out a prepared plan."""
    started = datetime.now(UTC)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    path = store.run_path(request.results, prepared.suite.name, run_id)
    records = [one for skip in prepared.plan.skips for one in _skip_records(skip, prepared, run_id)]
    if records:
        store.write(records, path)
    interrupted = False
    try:
        for outcome_records in _measure(prepared, run_id, on_progress):
            records += outcome_records
            store.write(records, path)
    except KeyboardInterrupt:
        interrupted = True
    rows, cases = _answers(prepared, request.results)
    figures = () if interrupted else _draw(prepared, cases, request.reports)
    return RunResult(
        prepared=prepared,
        cases=cases,
        rows=rows,
        counts=cases["status"].value_counts().to_dict(),
        file=path if records else None,
        figures=figures,
        seconds=(datetime.now(UTC) - started).total_seconds(),
        interrupted=interrupted,
    )


def plot_pareto(
    results: Path, suite_name: str | None, *, x: str, y: str, filters: Mapping[str, Any], out: Path | None
) -> tuple[Path, ...]:
    """Draws a front from any results folder: SVG, PNG and CSV. Raises NothingMeasuredError, StoreError, UnknownNameError."""
    for axis in (x, y):
        if axis not in front.BETTER:
            raise registry.unknown("axis", axis, front.BETTER)
    folder = results / suite_name if suite_name else results
    cases = table.wide(store.newest(store.read(folder)))
    for key, value in filters.items():
        if value is not None:
            cases = cases[_matches(cases, key, value)]
    points = front.pareto(cases, x=x, y=y)
    name = suite_name or (results.name if results != RESULTS else "all")
    drawing = pareto_plot.draw(points, x=x, y=y, title=f"{name}: {y} against {x}", notes=report.notes(cases, points))
    return plots.save(drawing, out or REPORTS / name, "pareto")


def write_report(suite_name: str, results: Path, reports: Path) -> Path:
    """Writes reports/<suite>/index.md with its figure from the rows there. Raises NothingMeasuredError."""
    wanted = suite.load(suite_name)
    cases = table.wide(store.newest(store.read(results / wanted.name)))
    if cases.empty:
        raise NothingMeasuredError(f"no results of {wanted.name} in {results}; lambdabench run --suite {suite_name}")
    points = front.pareto(cases)
    folder = reports / wanted.name
    figures: tuple[Path, ...] = ()
    if not points.empty:
        drawing = pareto_plot.draw(points, x="throughput", y="top1", title=wanted.title, notes=report.notes(cases, points))
        figures = plots.save(drawing, folder, "pareto")
    marked = _with_front(cases, points)
    return report.write(marked, wanted, folder, figures=figures, notes=report.notes(cases, points))


def show(name: str, results: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Wide rows, newest long rows) of a case id or a model. Raises UnknownNameError with the nearest that was measured."""
    rows = store.newest(store.read(results))
    mine = rows[(rows["case_id"] == name) | (rows["model"] == name)]
    if mine.empty:
        if name in models.names() and not rows.empty:
            raise NothingMeasuredError(f"{name} was not measured yet; lambdabench run --suite quickstart --models {name}")
        raise registry.unknown("measured case or model", name, {*rows["model"], *rows["case_id"]})
    return table.wide(mine), mine


def repeat_command(case: Mapping[str, Any], results: Path) -> str:
    """The command that measures a case again."""
    words = ["lambdabench", "run", "--suite", str(case["suite"])]
    own = ":" in str(case["model"]) or str(case["model"]).endswith(".pt2")
    words += ["--model" if own else "--models", str(case["model"])]
    for flag in ("device", "backend", "mode", "batch_size", "image_px", "dtype", "layout", "threads"):
        words += [f"--{flag.replace('_', '-')}", str(case[flag])]
    return shlex.join([*words, "--fresh", *(() if results == RESULTS else ("--results", str(results)))])


def list_names(kind: str, results: Path) -> list[dict[str, Any]]:
    """What there is of suites, models, layers, backends, metrics, plots, runs or devices, a mapping each."""
    if kind == "suites":
        return [{"suite": name, "title": suite.load(name).title, "cases": len(suite.load(name).cells)} for name in suite.names()]
    if kind == "models":
        ours = models.ours()
        return [{"model": name, "family": ours.get(name, "timm")} for name in launch.probe(()).names]
    if kind == "runs":
        return _list_runs(results)
    if kind == "devices":
        found = launch.probe(()).machine
        here = [
            {"device": one.name, "name": one.title, "GiB": round(one.memory_bytes / 2**30), "backends": ", ".join(one.backends)}
            for one in found.devices
        ]
        return here + [{"device": "–", "name": why, "GiB": 0, "backends": name} for name, why in found.missing]
    if kind in ("layers", "backends", "metrics", "plots"):
        return [{kind[:-1]: name, "what": _purpose(kind, name)} for name in registry.names(kind)]
    raise registry.unknown("kind of thing", kind, "suites models layers backends metrics plots runs devices".split())


def read_frame(path: Path | str | Sequence[Path | str]) -> pd.DataFrame:
    """The long rows of a folder or files, one metric a row, all versions of the schema."""
    return store.read(path)


def wide_frame(frame: pd.DataFrame, weights: str = "best") -> pd.DataFrame:
    """One row per case from long rows: a column per metric with `_low` and `_high`, accuracy joined ("best", "all" or a tag)."""
    return table.wide(store.newest(frame), weights)


def pareto_frame(frame: pd.DataFrame, *, x: str = "throughput", y: str = "top1") -> pd.DataFrame:
    """The cases of long or wide rows with `on_front` and `membership` (null until its probability is known)."""
    cases = wide_frame(frame) if "metric" in frame else frame
    return front.pareto(cases, x=x, y=y)


def run_frame(suite_name: str, **overrides: Any) -> pd.DataFrame:
    """What `lambdabench run` does, from Python: the long rows of the suite's cells. Overrides are named as the flags are."""
    own = {name: overrides.pop(name) for name in ("results", "budget_s", "fresh") if name in overrides}
    if "results" in own:
        own["results"] = Path(own["results"])
    known = {one.name for one in dataclasses.fields(suite.Overrides)}
    if strange := sorted(set(overrides) - known):
        raise registry.unknown("override", strange[0], known | {"results", "budget_s", "fresh"})
    single = ("model", "device", "devices", "threads")
    given = {key: value if key in single or isinstance(value, tuple) else (value,) for key, value in overrides.items()}
    return run(RunRequest(suite=suite_name, overrides=suite.Overrides(**given), **own)).rows


def load_now() -> tuple[float | None, float | None]:
    """(Load average of a minute, CPU pressure of the last 10 s as a share)."""
    return quiet.load1(), quiet.pressure_now()


def _check_names(wanted: Suite) -> None:
    """Names are checked before anything is measured: models of ours and timm's, options of ours, scaled devices."""
    known = set(models.names())
    for cell in wanted.cells:
        case = cell.case
        if case.kind != "model":
            raise UnsupportedError(f"{cell.grid}: kind {case.kind!r} cannot be measured by this version; it measures models")
        by_name = not case.model_hash and case.backend != "fake"
        if by_name and known and case.model not in known:
            raise registry.unknown("model", case.model, known)
        takes = models.ours().get(case.model) and models.option_defaults(case.model)
        strange = [key for key, _ in case.options if takes is not None and key not in takes]
        if strange and case.backend != "fake":
            raise SuiteError(f"{cell.grid}: {case.model} takes no option {strange[0]!r}; it takes {', '.join(takes or {}) or 'none'}")


def _wishes(wanted: Suite) -> list[Wish]:
    return [
        Wish(model=cell.case.model, image_px=cell.case.image_px, options=() if cell.case.backend == "fake" else cell.case.options)
        for cell in wanted.cells
    ]


def _done(folder: Path, print_: str) -> dict[tuple[str, int], plan.Done]:
    """The newest answers of this environment."""
    if not folder.is_dir():
        return {}
    rows = store.newest(store.read(folder))
    rows = rows[rows["fingerprint"] == print_]
    found: dict[tuple[str, int], plan.Done] = {}
    for (identity, replicate), group in rows.groupby(["case_id", "replicate"]):
        timed = group[group["metric"] == "latency"]
        width = None
        if len(timed) and timed["low"].notna().all():
            one = timed.iloc[0]
            width = float((one["high"] - one["low"]) / 2 / one["value"])
        worst = next(status for status in table.WORST_FIRST if status in set(group["status"]))
        capped = any("capped" in str(flags) for flags in group["flags"])
        found[str(identity), int(replicate)] = plan.Done(status=worst, half_width=width, capped=capped)
    return found


def _measure(prepared: Prepared, run_id: str, on_progress: Callable[[Progress], None]):
    """Records of one outcome after the other."""
    jobs = prepared.plan.jobs
    left_s = prepared.plan.estimate_s
    done = 0
    for event in launch.run(jobs, jobs_per_worker=prepared.suite.jobs_per_worker):
        outcome = event.outcome if isinstance(event, launch.Finished) else None
        if outcome is not None:
            done += 1
            left_s -= (event.job.estimate_s or 0.0) + plan.PROCESS_START_S * _is_last_of_worker(jobs, done)
            yield records_of(outcome, **_common(prepared, run_id, event.job.case, event.job.case_id, event.job.replicate))
        on_progress(Progress(case=event.job.case, outcome=outcome, done=done, total=len(jobs), left_s=max(0.0, left_s)))


def _is_last_of_worker(jobs: Sequence[Any], done: int) -> bool:
    return done >= len(jobs) or plan.worker_key(jobs[done]) != plan.worker_key(jobs[done - 1])


def _common(prepared: Prepared, run_id: str, case: Case, identity: str, replicate: int) -> dict[str, Any]:
    title = next((one.title for one in prepared.machine.devices if one.name == case.device), case.device)
    return {
        "run_id": run_id,
        "suite": prepared.suite.name,
        "case_id": identity,
        "fingerprint": prepared.fingerprint,
        "replicate": replicate,
        "case": case,
        "requested_batch_size": case.batch_size,
        "device_name": title,
        "environment": prepared.machine.environment,
    }


def _skip_records(skip: Skip, prepared: Prepared, run_id: str) -> tuple[Record, ...]:
    outcome = Outcome(
        job_id=skip.case_id,
        status="skipped",
        reason=skip.reason,
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        weights="",
    )
    return records_of(outcome, **_common(prepared, run_id, skip.case, skip.case_id, skip.replicate))


def _answers(prepared: Prepared, results: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Newest rows, wide table) of the plan's cells in this environment."""
    planned = prepared.plan
    wanted = {job.case_id for job in planned.jobs} | set(planned.kept) | {skip.case_id for skip in planned.skips}
    folder = results / prepared.suite.name
    rows = store.newest(store.read(folder)) if folder.is_dir() else store.read([])
    rows = rows[rows["case_id"].isin(wanted) & (rows["fingerprint"] == prepared.fingerprint)]
    cases = table.wide(rows)
    return rows, _with_front(cases, front.pareto(cases))


def _with_front(cases: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """The cases with `on_front`; null where a case has no point."""
    return cases.assign(on_front=points["on_front"].reindex(cases.index) if len(points) else None)


def _draw(prepared: Prepared, cases: pd.DataFrame, reports: Path) -> tuple[Path, ...]:
    """The suite's plots; none where no case has both numbers."""
    points = front.pareto(cases)
    if points.empty or "pareto" not in prepared.suite.plots:
        return ()
    drawing = pareto_plot.draw(
        points, x="throughput", y="top1", title=prepared.suite.title or prepared.suite.name, notes=report.notes(cases, points)
    )
    return plots.save(drawing, reports / prepared.suite.name, "pareto")


def _matches(cases: pd.DataFrame, key: str, value: Any) -> Any:
    if key == "device":
        return (cases["device"] == value) | cases["device"].str.startswith(f"{value}:")
    return cases[key].isin(value) if isinstance(value, tuple) else cases[key] == value


def _list_runs(results: Path) -> list[dict[str, Any]]:
    rows = store.read(results)
    return [
        {
            "run": run_id,
            "suite": group["suite"].iloc[0],
            "cases": group["case_id"].nunique(),
            "rows": len(group),
            "device": ", ".join(sorted(set(group["device_name"]))),
        }
        for run_id, group in rows.groupby("run_id")
    ]


def _purpose(kind: str, name: str) -> str:
    return (registry.load(kind, name).__doc__ or "").strip().splitlines()[0]
