"""Runs: from a request to a plan, to rows on disk, to what is shown of them."""

import dataclasses
import secrets
import shlex
import signal
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from .. import conduct, launch, models, plan, store, suite
from ..analysis.agreement import agreements
from ..analysis.best_runtimes import best_runtimes, is_asked
from ..analysis.paper_comparison import of_suite
from ..conduct import Progress, calibration, placement, user_networks
from ..conduct.resume import done_in
from ..conduct.summary import RunSummary, counts_of, summarize, wide_of
from ..core import caches, folders, registry
from ..core.errors import RequestError
from ..core.hosts import Hosts, find_hosts
from ..core.identity import fingerprint
from ..core.loads import metrics_of
from ..core.record import Outcome, Record, records_of
from ..core.spec import Case, Job, Plan, Rates, Skip, Suite
from ..core.targets import Target, target_of
from ..launch.probe import Found
from ..launch.workers import WorkerPool
from ..machine import host
from ..plan import shares
from ..plan.estimates import check_estimates
from ..suite.validation import check_names, check_options
from ..worker.environment import settled
from . import _race, notebook
from ._race import Racer
from ._results import repeat_suite, results_words
from ._run_types import Prepared, RunRequest, RunResult, backends_of, option_defaults_of, wishes_of
from .claims import headlines_of, undecided
from .for_target import machine_of
from .report import PageRequest, Written, write_page


def idle(request: RunRequest) -> str:
    """What a process says that has nothing to do, since another one of those that were started measures all; empty for one that has."""
    hosts = find_hosts()
    if hosts.speaks or request.race is not None:
        return ""
    return placement.idle(suite.load(request.suite, request.overrides), hosts)


def prepare(
    request: RunRequest,
    on_wait: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Prepared:
    """Loads the suite, or chooses who races for the front, probes the machine, reads what is there, plans. Raises what these raise.

    `on_wait` hears what is measured first, for the estimates. Several hosts must plan alike, and one alone has the results: there
    everything is measured again, and nothing for estimates.
    """
    for message in filter(None, (caches.problem(), store.ahead(request.results))):
        on_wait(message)
    if request.target and not request.dry_run:
        raise RequestError(f"--for {request.target}: nothing can be measured there from here; use it with --dry-run")
    if request.race is not None:
        return _race.prepare(request, request.race, on_wait, clock)
    return _prepare_suite(request, on_wait, clock)


def _wanted(request: RunRequest) -> Suite:
    """The suite, or what some claims want of it, or one share."""
    whole = suite.load(request.suite, request.overrides)
    if request.claims:
        whole = headlines_of(whole, request.claims)
    return whole if request.share is None else shares.cut(whole, *request.share)


def _prepare_suite(request: RunRequest, on_wait: Callable[[str], None], clock: Callable[[], float]) -> Prepared:
    """A suite's cases, planned."""
    begun_s, hosts = clock(), find_hosts()
    wanted = _wanted(request)
    is_alone = hosts.count > 1 and not placement.spreads(wanted)
    hosts = Hosts() if is_alone else hosts
    if hosts.speaks:
        _refuse_unwritable(request, wanted.name)
    user_networks.refuse_absent(wanted)
    check_options(wanted)
    with placement.alone(is_alone):
        probe, target = _probed(wanted, request, on_wait)
    check_names(wanted, probe.names)
    seen = user_networks.seen_of(wanted, probe.facts)
    wanted = user_networks.settled(wanted, seen)
    print_ = fingerprint(probe.machine.environment)
    defaults = option_defaults_of(wanted)
    asked = plan.Request(
        budget_s=request.budget_s,
        device_asked="device" in request.overrides.axes,
        fresh=request.fresh or hosts.count > 1,
        patient=request.patience_s is not None and hosts.count == 1,
        available_bytes=host.available_bytes(),
        defaults=defaults,
        compiling=[name for name in backends_of(wanted) if registry.load("backends", name).COMPILES],
        forking=[name for name in backends_of(wanted) if conduct.forks(name)],
        recipes=models.recipes(),
    )
    metrics = (*wanted.metrics, *metrics_of(wanted.sampling.loads))
    done = done_in(request.results / wanted.name, print_, metrics, wanted.sampling.at)

    def make(**changes: Any) -> Plan:
        return plan.make(wanted, probe.machine, probe.facts, done, dataclasses.replace(asked, **changes))

    planned, alone, rough = make(), hosts.count == 1, tuple[Rates, ...]()
    every = planned.jobs if planned.budget_s is None else make(budget_s=float("inf")).jobs
    if known := calibration.stored(every, probe.machine, print_) if alone else ():
        planned = make(rates=known)
    if alone and not request.dry_run and calibration.is_worth(planned):
        most_s = float("inf") if planned.budget_s is None else calibration.SHARE * planned.budget_s
        with placement.alone(is_alone), placement.held(every, hosts, on_wait):
            rough = calibration.calibrate(
                every, probe.machine, probe.facts, print_, on_wait=on_wait, most_s=most_s, anew=request.fresh
            )
    rates = (*calibration.stored(every, probe.machine, print_), *rough) if alone else ()
    spent_s = clock() - begun_s
    is_final = rates == known and planned.budget_s is None
    return Prepared(
        suite=wanted,
        machine=probe.machine,
        plan=planned if is_final else make(rates=rates, spent_s=spent_s),
        fingerprint=print_,
        defaults=defaults,
        facts=probe.facts,
        hosts=hosts,
        spent_s=spent_s,
        order=0 if request.dry_run else store.next_order(request.results),
        seen=seen,
        is_alone=is_alone,
        target=target,
    )


def _probed(wanted: Suite, request: RunRequest, on_wait: Callable[[str], None]) -> tuple[Found, Target | None]:
    """What this machine is, with the devices of the one that is planned for where it is another."""
    asked_for = [*wishes_of(wanted), *calibration.WISHES]
    probe = launch.probe(asked_for, limit_s=wanted.job_timeout_s, on_wait=on_wait)
    if not request.target:
        return probe, None
    target = target_of(request.target)
    return dataclasses.replace(probe, machine=machine_of(target, probe.machine)), target


def _refuse_unwritable(request: RunRequest, name: str) -> None:
    folders.refuse_unwritable(request.results / name, "give another --results")
    folders.refuse_unwritable(request.reports / name, "its figures go there; give another --reports")


def run(request: RunRequest, on_progress: Callable[[Progress], None] | None = None) -> RunResult:
    """Measures what is not there yet, stores it visit by visit, writes the suite's page. Ctrl-C keeps what is done. In a notebook the
    progress is shown where nobody else hears of it."""
    prepared = prepare(request)
    return execute(prepared, request, on_progress or notebook.progress_of(prepared) or (lambda _: None))


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


def new_run_id(started: datetime) -> str:
    """A name that no other run has: when it started, and a number drawn."""
    return f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def _on_host(prepared: Prepared, request: RunRequest, on_progress: Callable[[Progress], None]) -> RunResult:
    if prepared.hosts.speaks:
        return _execute(prepared, request, on_progress)
    with tempfile.TemporaryDirectory(prefix="lambdabench-host-") as name:
        aside = dataclasses.replace(request, results=Path(name), reports=Path(name))
        return dataclasses.replace(_execute(prepared, aside, on_progress), file=None, figures=(), page=None)


def _execute(prepared: Prepared, request: RunRequest, on_progress: Callable[[Progress], None]) -> RunResult:
    started = datetime.now(UTC)
    run_id = request.run_id or new_run_id(started)
    path = store.run_path(request.results, prepared.suite.name, run_id)
    skipped = [skip_record for skip in prepared.plan.skips for skip_record in _skip_records(skip, prepared, run_id)]
    ledger = conduct.Ledger(path, partial(_common_of, prepared, run_id), first=skipped)
    stop = conduct.Stop()

    planned = {job.case_id for job in prepared.plan.jobs} | {*prepared.plan.kept}

    def tell() -> RunSummary:
        ledger.write()
        rows = ledger.records()
        where = {prepared.fingerprint, *(row.fingerprint for row in rows)}
        asked = planned | {row.case_id for row in rows}
        return summarize(prepared.suite, where, request.results, asked, request.precision)

    def lacking(known: RunSummary) -> str:
        if known.lacking or not request.decides:
            return known.lacking
        return undecided(request.results, request.claims, [device.title for device in prepared.machine.devices])

    racer = _race.racer_of(prepared, ledger, request, run_id)
    try:
        setup = partial(_run_setup, prepared, request, lambda: lacking(tell()), racer)
        jobs = () if racer is not None and racer.is_done() else prepared.plan.jobs
        conduct.perform(jobs, setup, ledger, stop, on_progress)
    except KeyboardInterrupt:
        stop.signal = stop.signal or signal.SIGINT
    store.send_rest(request.results)
    records = ledger.records()
    if prepared.hosts.count == 1:
        calibration.correct(ledger.outcomes(), prepared.machine, prepared.facts, prepared.fingerprint)
    run_summary = tell() if racer is None else racer.answered(tell())
    written = _write_page(prepared, run_summary, request)
    return RunResult(
        prepared=prepared,
        cases=run_summary.cases,
        rows=run_summary.rows,
        counts=counts_of(run_summary.cases),
        file=path if records else None,
        figures=() if written is None else written.figures,
        page=None if written is None else written.page,
        seconds=(datetime.now(UTC) - started).total_seconds(),
        estimates=check_estimates(ledger.outcomes()),
        quoted=of_suite(prepared.suite, run_summary.cases),
        agreements=agreements(run_summary.rows, run_summary.cases),
        best=best_runtimes(run_summary.cases) if is_asked(prepared.suite.across) else (),
        interrupted=bool(stop.signal),
        resolution=run_summary.resolution,
        lacking=lacking(run_summary) if request.precision is not None or request.decides else "",
        race=None if racer is None else racer.result(),
    )


def _run_setup(
    prepared: Prepared, request: RunRequest, lacking_now: Callable[[], str], racer: Racer | None, pool: WorkerPool
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
        choice=None if racer is None else conduct.Choice(following=racer.following, purpose=racer.purpose),
        settle=conduct.Settling(allowance_s=conduct.allowance(planned.estimate_s)) if is_alone else None,
    )


def cases_so_far(prepared: Prepared, progress: Progress) -> pd.DataFrame:
    """The wide table of a run's cells as far as they have been measured, with `on_front`."""
    return wide_of(prepared.suite, store.frame(progress.records()))


def _common_of(prepared: Prepared, run_id: str, measured: Job, outcome: Outcome) -> dict[str, Any]:
    job = user_networks.as_imported(measured, outcome, prepared.seen, prepared.defaults)
    asked = job.requested_batch_size or job.case.batch_size
    text: dict[str, Any] = {
        "requested_batch_size": asked,
        "asked_metrics": ",".join(job.metrics),
        "asked_at": job.sampling.at,
    }
    if outcome.environment is not None:  # the worker is the witness
        seen = settled(outcome.environment, prepared.machine.devices)
        text |= {"environment": seen, "fingerprint": fingerprint(seen)}
    return _common(prepared, run_id, job.case, job.case_id, job.replicate) | text


def _common(prepared: Prepared, run_id: str, case: Case, identity: str, replicate: int) -> dict[str, Any]:
    title = next((device.title for device in prepared.machine.devices if device.name == case.device), case.device)
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


def _write_page(prepared: Prepared, run_summary: RunSummary, request: RunRequest) -> Written | None:
    """The page of the suite's cells in this environment, with its plots; None where there is no cell."""
    if run_summary.all_cases.empty:
        return None
    repeat = shlex.join(["lambdabench", "run", "--find-front", *results_words(request.results)])
    if request.race is None:
        repeat = repeat_suite(request.suite, request.results, *filter(None, [prepared.suite.sampling.at]))
    asked = PageRequest(
        results=request.results,
        reports=request.reports,
        repeat=repeat,
        problem=run_summary.resolution.problem,
    )
    return write_page(prepared.suite, run_summary.rows, run_summary.all_cases, asked)
