"""Runs: from a request to a plan, to rows on disk, to what is shown of them."""

import dataclasses
import secrets
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from .. import conduct, launch, layers, models, plan, store, suite
from ..analysis.agreement import Agreement, agreements
from ..analysis.paper_comparison import Quoted, of_suite
from ..analysis.resolution import Resolution
from ..conduct import Progress, calibration, placement, user_networks
from ..conduct.resume import done_in
from ..conduct.summary import RunSummary, counts_of, summarize, wide_of
from ..core import caches, flags, folders, registry, shapes
from ..core.folders import REPORTS, RESULTS
from ..core.hosts import Hosts, find_hosts
from ..core.identity import fingerprint
from ..core.record import Outcome, Record, records_of
from ..core.spec import Case, Job, Machine, ModelFacts, Plan, Rates, Skip, Suite, Value, Wish
from ..core.statuses import FAILED
from ..launch.workers import WorkerPool
from ..machine import host
from ..plan.estimates import EstimateCheck, check_estimates
from ..report import draw_plots, plots_of
from ..suite.overrides import Overrides
from ..suite.parse_overrides import KNOWN, overrides_of
from ..suite.validation import check_names, check_options
from ..worker.environment import settled

OWN = ("results", "reports", "budget_s", "patience_s", "precision", "fresh")
"""What `run_frame` takes beside the overrides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What `run` is asked for; `overrides` are the flags that change a suite's axes."""

    suite: str
    overrides: Overrides = Overrides()  # noqa: RUF009 (frozen, and empty)
    results: Path = RESULTS
    reports: Path = REPORTS
    budget_s: float | None = None
    """Of the whole, what is measured for the estimates included."""
    patience_s: float | None = None
    """Of the whole: more rounds are made in it, until what is asked is known."""
    precision: float | None = None
    """Ratios to the reference are to be known to this share."""
    fresh: bool = False
    dry_run: bool = False
    """Only the plan is wanted: nothing is measured for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan with all it was made from. `defaults` are the identity defaults of options, by model and backend."""

    suite: Suite
    machine: Machine
    plan: Plan
    fingerprint: str
    defaults: Mapping[str, Mapping[str, Value]]
    facts: Mapping[str, ModelFacts] = dataclasses.field(default_factory=dict[str, ModelFacts])
    hosts: Hosts = Hosts()  # noqa: RUF009 (frozen, and empty)
    spent_s: float = 0.0
    """What preparing took of the budget."""
    is_alone: bool = False
    """Whether it measures by itself what several processes were started for."""
    order: int = 0
    """The least `run_order` of what is measured now."""
    seen: user_networks.Seen = dataclasses.field(default_factory=dict[str, dict[str, str]])
    """Files that users' own networks are known to import."""


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
    estimates: EstimateCheck = EstimateCheck()  # noqa: RUF009 (frozen, and empty)
    quoted: tuple[Quoted, ...] = ()
    """What the paper prints of the suite's cases."""
    agreements: tuple[Agreement, ...] = ()
    """Pairs of backends that ran one network on equal weights and inputs."""
    interrupted: bool = False
    resolution: Resolution = Resolution()  # noqa: RUF009 (frozen, and empty)
    """What differences this run can tell."""
    lacking: str = ""
    """What of the precision that was asked for is not there."""

    def exit_code(self, strict: bool = False) -> int:
        """0 all is well, 1 a case failed or two frameworks differ (strict: or is unsupported, noisy or skipped), 3 no case has a
        usable number, or the run cannot tell what it is to rank, or not as precisely as was asked. Frameworks of which it cannot be
        told are no failure."""
        if self.interrupted:
            return 130
        differ = any(one.finding == "different" for one in self.agreements)
        if differ or any(self.counts.get(status) for status in FAILED):
            return 1
        if not self.counts.get("ok") or self.resolution.problem or self.lacking:
            return 3
        bad = sum(count for status, count in self.counts.items() if status != "ok")
        return 1 if strict and bad else 0


def idle(request: RunRequest) -> str:
    """What a process says that has nothing to do, since another one of those that were started measures all; empty for one that has."""
    hosts = find_hosts()
    return "" if hosts.speaks else placement.idle(suite.load(request.suite, request.overrides), hosts)


def prepare(
    request: RunRequest,
    on_wait: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Prepared:
    """Loads the suite, probes the machine, reads what is there, plans. Raises what these raise.

    `on_wait` hears what is measured first, for the estimates. Several hosts must plan alike, and one alone has the results: there
    everything is measured again, and nothing for estimates.
    """
    begun_s, hosts = clock(), find_hosts()
    for told in filter(None, (caches.problem(), store.ahead(request.results))):
        on_wait(told)
    wanted = suite.load(request.suite, request.overrides)
    is_alone = hosts.count > 1 and not placement.spreads(wanted)
    hosts = Hosts() if is_alone else hosts
    if hosts.speaks:
        _refuse_unwritable(request, wanted.name)
    user_networks.refuse_absent(wanted)
    check_options(wanted)
    with placement.alone(is_alone):
        asked_for = [*_wishes(wanted), *calibration.WISHES]
        found = launch.probe(asked_for, limit_s=wanted.job_timeout_s, on_wait=on_wait)
    check_names(wanted, found.names)
    seen = user_networks.seen_of(wanted, found.facts)
    wanted = user_networks.settled(wanted, seen)
    print_ = fingerprint(found.machine.environment)
    defaults = _option_defaults(wanted)
    asked = plan.Request(
        budget_s=request.budget_s,
        device_asked="device" in request.overrides.axes,
        fresh=request.fresh or hosts.count > 1,
        patient=request.patience_s is not None and hosts.count == 1,
        available_bytes=host.available_bytes(),
        defaults=defaults,
        compiling=[name for name in _backends(wanted) if registry.load("backends", name).COMPILES],
        forking=[name for name in _backends(wanted) if conduct.forks(name)],
    )
    done = done_in(request.results / wanted.name, print_, wanted.metrics, wanted.sampling.at)

    def make(**changes: Any) -> Plan:
        return plan.make(wanted, found.machine, found.facts, done, dataclasses.replace(asked, **changes))

    planned, alone, rough = make(), hosts.count == 1, tuple[Rates, ...]()
    every = planned.jobs if planned.budget_s is None else make(budget_s=float("inf")).jobs
    if known := calibration.stored(every, found.machine, print_) if alone else ():
        planned = make(rates=known)
    if alone and not request.dry_run and calibration.is_worth(planned):
        most_s = float("inf") if planned.budget_s is None else calibration.SHARE * planned.budget_s
        with placement.alone(is_alone), placement.held(every, hosts, on_wait):
            rough = calibration.calibrate(
                every, found.machine, found.facts, print_, on_wait=on_wait, most_s=most_s, anew=request.fresh
            )
    rates = (*calibration.stored(every, found.machine, print_), *rough) if alone else ()
    spent_s = clock() - begun_s
    is_final = rates == known and planned.budget_s is None
    return Prepared(
        suite=wanted,
        machine=found.machine,
        plan=planned if is_final else make(rates=rates, spent_s=spent_s),
        fingerprint=print_,
        defaults=defaults,
        facts=found.facts,
        hosts=hosts,
        spent_s=spent_s,
        order=0 if request.dry_run else store.next_order(request.results),
        seen=seen,
        is_alone=is_alone,
    )


def _refuse_unwritable(request: RunRequest, name: str) -> None:
    folders.refuse_unwritable(request.results / name, "give another --results")
    folders.refuse_unwritable(request.reports / name, "its figures go there; give another --reports")


def run(request: RunRequest, on_progress: Callable[[Progress], None] | None = None) -> RunResult:
    """Measures what is not there yet, stores it visit by visit, draws the suite's plots. Ctrl-C keeps what is done."""
    prepared = prepare(request)
    return execute(prepared, request, on_progress or (lambda _: None))


def execute(
    prepared: Prepared,
    request: RunRequest,
    on_progress: Callable[[Progress], None],
    on_wait: Callable[[str], None] = lambda _: None,
) -> RunResult:
    """Carries out a prepared plan. Of several hosts the first one alone stores and draws.

    Raises DeviceError where another run has a device and keeps it; `on_wait` hears of it first.
    """
    with (
        placement.alone(prepared.is_alone),
        placement.held((*prepared.plan.jobs, *prepared.plan.spare, *prepared.plan.more), prepared.hosts, on_wait),
    ):
        return _on_host(prepared, request, on_progress)


def _on_host(prepared: Prepared, request: RunRequest, on_progress: Callable[[Progress], None]) -> RunResult:
    if prepared.hosts.speaks:
        return _execute(prepared, request, on_progress)
    with tempfile.TemporaryDirectory(prefix="lambdabench-host-") as name:
        aside = dataclasses.replace(request, results=Path(name), reports=Path(name))
        return dataclasses.replace(_execute(prepared, aside, on_progress), file=None, figures=())


def _execute(prepared: Prepared, request: RunRequest, on_progress: Callable[[Progress], None]) -> RunResult:
    started = datetime.now(UTC)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    path = store.run_path(request.results, prepared.suite.name, run_id)
    skipped = [one for skip in prepared.plan.skips for one in _skip_records(skip, prepared, run_id)]
    ledger = conduct.Ledger(path, partial(_common_of, prepared, run_id), first=skipped)
    stop = conduct.Stop()

    planned = {job.case_id for job in prepared.plan.jobs} | {*prepared.plan.kept}

    def tell() -> RunSummary:
        ledger.write()
        rows = ledger.records()
        where = {prepared.fingerprint, *(one.fingerprint for one in rows)}
        asked = planned | {one.case_id for one in rows}
        return summarize(prepared.suite, where, request.results, asked, request.precision)

    try:
        setup = partial(_run_setup, prepared, request, lambda: tell().lacking)
        conduct.perform(prepared.plan.jobs, setup, ledger, stop, on_progress)
    except KeyboardInterrupt:
        stop.signal = stop.signal or signal.SIGINT
    records = ledger.records()
    if prepared.hosts.count == 1:
        calibration.correct(ledger.outcomes(), prepared.machine, prepared.facts, prepared.fingerprint)
    found = tell()
    return RunResult(
        prepared=prepared,
        cases=found.cases,
        rows=found.rows,
        counts=counts_of(found.cases),
        file=path if records else None,
        figures=() if found.resolution.problem else _draw(prepared, found.all_cases, request.reports),
        seconds=(datetime.now(UTC) - started).total_seconds(),
        estimates=check_estimates(ledger.outcomes()),
        quoted=of_suite(prepared.suite, found.cases),
        agreements=agreements(found.rows, found.cases),
        interrupted=bool(stop.signal),
        resolution=found.resolution,
        lacking=found.lacking if request.precision is not None else "",
    )


def _run_setup(
    prepared: Prepared, request: RunRequest, lacking_now: Callable[[], str], pool: WorkerPool
) -> conduct.RunSetup:
    """How a prepared plan is played."""
    planned, is_alone = prepared.plan, prepared.hosts.count == 1  # clocks of several do not agree on when time is out
    begun_s, patience = time.monotonic() - prepared.spent_s, None
    end_s = begun_s + planned.budget_s if planned.budget_s is not None and is_alone else float("inf")
    if request.patience_s is not None and is_alone:
        patience = conduct.Patience(end_s=begun_s + request.patience_s, lacking=lacking_now, more=planned.more)
    return conduct.RunSetup(
        pool=pool,
        half_of=lambda job: plan.halved(job, plan.defaults_of(job.case, prepared.defaults)),
        seed=prepared.suite.sampling.seed,
        end_s=end_s,
        aim_s=begun_s + prepared.suite.sampling.aim_s if is_alone else float("inf"),
        free_bytes=pool.free_bytes if is_alone else lambda device: 0,
        retries=is_alone,
        spare=planned.spare,
        reference=planned.reference,
        patience=patience,
        settle=conduct.Settling(allowance_s=conduct.allowance(planned.estimate_s)) if is_alone else None,
    )


def cases_so_far(prepared: Prepared, progress: Progress) -> pd.DataFrame:
    """The wide table of a run's cells as far as they have been measured, with `on_front`."""
    return wide_of(prepared.suite, store.frame(progress.records()))


def run_frame(suite_name: str, **overrides: Any) -> pd.DataFrame:
    """What `lambdabench run` does, from Python: the long rows of the suite's cells.

    Overrides are named as the flags are and take what these take, numbers, and lists; so do results, reports, budget_s,
    patience_s, precision and fresh. Raises
    what the command does.
    """
    own = {name: overrides[name] for name in OWN if overrides.get(name) is not None}
    if strange := sorted(set(overrides) - {*KNOWN, *OWN}):
        raise registry.unknown("override", strange[0], {*KNOWN, *OWN})
    own |= {name: Path(own[name]) for name in ("results", "reports") if name in own}
    own |= {name: flags.duration(own[name], name) for name in ("budget_s", "patience_s") if name in own}
    if "precision" in own:
        own["precision"] = flags.share(own["precision"], "precision")
    request = RunRequest(suite=str(suite_name), overrides=overrides_of(overrides), **own)
    return store.read([]) if idle(request) else run(request).rows


def _backends(wanted: Suite) -> list[str]:
    return sorted({cell.case.backend for cell in wanted.cells})


def _option_defaults(wanted: Suite) -> dict[str, Mapping[str, Value]]:
    """Identity defaults of options, by the model or the backend that they belong to."""
    backends = {name: registry.load("backends", name).OPTIONS for name in _backends(wanted)}
    known: dict[str, Mapping[str, Value]] = {name: models.option_defaults(name) for name in models.ours()}
    known |= {name: layers.option_defaults(name) for name in registry.names("layers")}
    return known | backends


def _wishes(wanted: Suite) -> list[Wish]:
    """What planning must know of the suite's models, each once, with the options that they see and the shape of their images."""
    own = {
        name: {*registry.load("backends", name).OPTIONS, *models.WORKLOADS_OWN} - {shapes.OPTION}
        for name in _backends(wanted)
    }
    found: dict[Wish, None] = {}
    for case in (cell.case for cell in wanted.cells):
        scripted = case.backend == "fake"  # a script is no model's options
        options = () if scripted else tuple(pair for pair in case.options if pair[0] not in own[case.backend])
        found[Wish(model=case.model, image_px=case.image_px, options=options, kind=case.kind)] = None
    return list(found)


def _common_of(prepared: Prepared, run_id: str, measured: Job, outcome: Outcome) -> dict[str, Any]:
    job = user_networks.as_imported(measured, outcome, prepared.seen, prepared.defaults)
    asked = job.requested_batch_size or job.case.batch_size
    told: dict[str, Any] = {
        "requested_batch_size": asked,
        "asked_metrics": ",".join(job.metrics),
        "asked_at": job.sampling.at,
    }
    if outcome.environment is not None:  # the worker is the witness
        seen = settled(outcome.environment, prepared.machine.devices)
        told |= {"environment": seen, "fingerprint": fingerprint(seen)}
    return _common(prepared, run_id, job.case, job.case_id, job.replicate) | told


def _common(prepared: Prepared, run_id: str, case: Case, identity: str, replicate: int) -> dict[str, Any]:
    title = next((one.title for one in prepared.machine.devices if one.name == case.device), case.device)
    return {
        "run_id": run_id,
        "run_order": prepared.order,
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


def _draw(prepared: Prepared, cases: pd.DataFrame, reports: Path) -> tuple[Path, ...]:
    """The suite's plots, and that of quantiles where one is asked for; those that its cases suffice for."""
    wanted = prepared.suite
    names = plots_of(wanted, is_asked=bool(wanted.sampling.at))
    return draw_plots(names, cases, title=wanted.title or wanted.name, folder=reports / wanted.name)
