"""A race for the front on real rounds: who is opened and visited next follows from what the rounds before have found."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from .. import conduct, launch, models, plan, store
from ..analysis import pareto as front
from ..analysis import table
from ..analysis.front_membership import Weights, twins
from ..analysis.race import ABREAST, MOST_PROCESSES, PROCESS_SD, Race, in_question
from ..analysis.visits import Counts, Floats
from ..conduct import calibration
from ..conduct.case_state import CaseState
from ..conduct.resume import done_in
from ..conduct.summary import RunSummary
from ..core import folders, registry
from ..core.errors import DeviceError, RequestError
from ..core.hosts import find_hosts
from ..core.identity import case_id, fingerprint
from ..core.spec import Case, Job, ModelFacts, Plan, Suite, Wish
from ..launch.probe import Found
from ..machine import host
from ..plan.estimates import compile_s_of, cost
from . import _candidates as candidates
from ._candidates import FRONT, Candidate, RaceRequest, Starters
from ._race_result import Likely, RaceResult
from ._run_types import Prepared, RunRequest, backends_of, option_defaults_of

SHARE = 0.25
"""Of its candidates that a race measures, as far as plans go: replays took 10 to 40 % (reports/race/index.md)."""
LIKELY = 0.02
"""Networks that were not measured are named from this probability on."""
MOST_NAMED = 5


def prepare(
    request: RunRequest,
    race: RaceRequest,
    on_wait: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Prepared:
    """Who races, and a plan whose one job is the reference, with which it begins. Raises what a suite's run raises."""
    begun_s = clock()
    _refuse(request)
    every = candidates.known(race.weights)
    sizes = [px for px in request.overrides.axes.get("image_px", ()) if isinstance(px, int)]
    chosen = candidates.fitting(every, race, sizes)
    candidates.settings_of(request.overrides)
    folders.refuse_unwritable(request.results / FRONT, "give another --results")
    folders.refuse_unwritable(request.reports / FRONT, "its figures go there; give another --reports")
    wishes: list[Wish] = [*candidates.wishes_of_uncounted(chosen), *calibration.WISHES]
    probed = launch.probe(wishes, on_wait=on_wait)
    here = _made_here(chosen, probed.names, request)
    chosen = candidates.fitting(candidates.counted(here, probed.facts), race)
    wanted = candidates.suite_of(chosen, request.overrides, race.weights)
    defaults = option_defaults_of(wanted)
    facts = {**probed.facts, **candidates.facts_of(chosen)}
    planned = _planned(request, wanted, (probed, facts), defaults)
    starters = _starters(chosen, planned, race, (wanted, defaults, probed, facts))
    reference = [starters.jobs[planned.reference]] if planned.reference in starters.jobs else []
    return Prepared(
        suite=wanted,
        machine=probed.machine,
        plan=dataclasses.replace(
            planned, jobs=tuple(reference), more=(), budget_s=request.budget_s, estimate_s=SHARE * planned.estimate_s
        ),
        fingerprint=fingerprint(probed.machine.environment),
        defaults=defaults,
        facts=facts,
        spent_s=clock() - begun_s,
        order=0 if request.dry_run else store.next_order(request.results),
        race=starters,
    )


def _refuse(request: RunRequest) -> None:
    """Raises RequestError for what a race has no use for."""
    if request.patience_s is not None or request.precision is not None:
        flag = "--patience" if request.precision is None else "--precision"
        raise RequestError(
            f"{flag}: found beside --find-front, expected --budget: a race measures again what is in question"
        )
    if any(not isinstance(px, int) for px in request.overrides.axes.get("image_px", ())):
        raise RequestError("--image-px: found beside --find-front a size that is no number of pixels, expected 224")
    if find_hosts().count > 1:
        raise RequestError("--find-front: found several processes, expected one: start it on one host alone")


def _made_here(chosen: Sequence[Candidate], names: Sequence[str], request: RunRequest) -> list[Candidate]:
    """The candidates that can be made here. Raises RequestError where there are none."""
    backend = next(iter(request.overrides.axes.get("backend", ())), Case(model="").backend)
    framework = registry.load("backends", backend).FRAMEWORK
    if not framework or not names:
        return list(chosen)
    there = models.in_jax() if framework == "jax" else {*names, *models.ours()}
    here = [candidate for candidate in chosen if candidate.architecture in there]
    if not here:
        raise RequestError(
            f"none of {len(chosen)} candidates can be made by {backend} here; give other --candidates, or another --backend"
        )
    return here


def _planned(
    request: RunRequest,
    wanted: Suite,
    known: tuple[Found, dict[str, ModelFacts]],
    defaults: Any,
) -> Plan:
    """The plan of a run of all candidates, from which the race takes one after the other."""
    probed, facts = known
    print_ = fingerprint(probed.machine.environment)
    done = done_in(request.results / wanted.name, print_, wanted.metrics)
    asked = plan.Request(
        device_asked="device" in request.overrides.axes,
        fresh=request.fresh,
        patient=True,
        available_bytes=host.available_bytes(),
        defaults=defaults,
        compiling=[name for name in backends_of(wanted) if registry.load("backends", name).COMPILES],
        forking=[name for name in backends_of(wanted) if conduct.forks(name)],
    )
    planned = plan.make(wanted, probed.machine, facts, done, asked)
    rates = calibration.stored(planned.jobs, probed.machine, print_)
    return plan.make(wanted, probed.machine, facts, done, dataclasses.replace(asked, rates=rates)) if rates else planned


def _starters(
    chosen: Sequence[Candidate],
    planned: Plan,
    race: RaceRequest,
    known: tuple[Suite, Any, Found, dict[str, ModelFacts]],
) -> Starters:
    """Candidates with their cases and jobs. Raises DeviceError where the plan has no job for any."""
    wanted, defaults, probed, facts = known
    jobs = {job.case_id: job for job in (*planned.more, *planned.jobs)}
    if not jobs:
        raise DeviceError(planned.skips[0].reason if planned.skips else "no candidate can be measured here")
    device, batch = next((job.case.device, job.case.batch_size) for job in jobs.values())
    cases = [plan.resolve(cell.case, device, probed.machine, facts) for cell in wanted.cells]
    of, sources = candidates.networks_of(chosen, device.partition(":")[0])
    return Starters(
        candidates=tuple(chosen),
        case_ids=tuple(case_id(case, plan.defaults_of(case, defaults)) for case in cases),
        jobs=jobs,
        of=of,
        sources=sources,
        axis="latency" if batch == 1 or race.max_latency_s else "throughput",
        least=-math.log(race.max_latency_s) if race.max_latency_s else -math.inf,
        weights=race.weights,
    )


class Racer:
    """Chooses what a run visits next. `rows`: all usable rows so far, those of earlier runs too."""

    def __init__(self, starters: Starters, rows: Callable[[], pd.DataFrame]) -> None:
        self._starters, self._rows = starters, rows
        self._race = Race(starters.of, _top1(starters), least=starters.least)
        self._place = {identity: place for place, identity in enumerate(starters.case_ids)}
        self._tried: dict[int, int] = {}
        """How often a network was chosen in this run."""
        self._points = pd.DataFrame()
        self._look()

    def following(self, _: Sequence[CaseState]) -> list[Job]:
        """The jobs of the next generation; none at the end."""
        self._look()
        self._race.see(
            {}, {place for place in self._tried if place not in self._race.speeds}
        )  # and will not be tried again
        if not self._race.is_over():
            places = self._race.choose(ABREAST, self._seconds())
        else:
            places = [place for place in self._in_question() if self._tried.get(place, 0) < MOST_PROCESSES]
        jobs = self._starters.jobs
        for place in places:
            self._tried[place] = self._tried.get(place, 0) + 1
        return [jobs[self._starters.case_ids[place]] for place in places if self._starters.case_ids[place] in jobs]

    def purpose(self) -> str:
        """What the race is at."""
        race, total = self._race, len(self._starters.candidates)
        if race.is_over():
            return f"{len(self._in_question())} of {len(race.speeds)} measured are in question, in further processes"
        return f"{len(race.speeds)} of {total} measured, {race.expected():.1f} more expected on the front"

    def is_done(self) -> bool:
        """Whether nothing is left to be measured."""
        return self._race.is_over() and not self._in_question()

    def answered(self, answers: RunSummary) -> RunSummary:
        """What a run's cases come to: those of all candidates, with `on_front` and `membership` by the metric of the race."""
        self._look()
        every, ids = answers.all_cases, self._starters.case_ids
        cases = every[every["case_id"].isin(ids)]
        names = ("on_front", "membership")
        cases = cases.assign(**{name: _by_id(self._points, name, cases["case_id"]) for name in names})
        return dataclasses.replace(answers, cases=cases, resolution=dataclasses.replace(answers.resolution, ties=()))

    def result(self) -> RaceResult:
        """How far it came."""
        self._look()
        race, starters, chances = self._race, self._starters, self._race.chances()
        likely = [int(place) for place in np.argsort(-chances, kind="stable")[:MOST_NAMED] if chances[place] > LIKELY]
        return RaceResult(
            candidates=len(starters.candidates),
            measured=len(race.speeds),
            failed=len(race.failed),
            front=len(race.front()),
            axis=starters.axis,
            sources=starters.sources,
            expected=race.expected(),
            is_over=race.is_over(),
            in_question=len(self._in_question()),
            likely=tuple(
                Likely(
                    model=starters.candidates[place].architecture,
                    image_px=starters.candidates[place].image_px,
                    chance=float(chances[place]),
                )
                for place in likely
            ),
        )

    def _look(self) -> None:
        """Takes in what was measured since."""
        rows, axis = self._rows(), self._starters.axis
        if rows.empty:
            return
        cases = table.wide(rows, self._starters.weights)
        cases = cases[cases["case_id"].isin(self._starters.case_ids)]
        if axis not in cases:
            cases = cases.assign(**{axis: math.nan})
        points = front.pareto(cases, x=axis)
        self._points = points.assign(
            log_speed=np.log(points[axis].to_numpy(float)) * (-1 if axis == "latency" else 1),
            place=[self._place[identity] for identity in points["case_id"]],
        )
        without = cases[(cases["status"] != "skipped") & ~cases["case_id"].isin(points["case_id"])]
        speeds = dict(zip(self._points["place"], self._points["log_speed"], strict=True))
        jobs = self._starters.jobs  # what an earlier run could not measure is tried again once
        places = {self._place[identity]: identity for identity in without["case_id"]}
        failed = {place for place, identity in places.items() if identity not in jobs or place in self._tried}
        self._race.see({int(place): float(log) for place, log in speeds.items()}, failed)

    def _in_question(self) -> list[int]:
        """Places of what is measured again."""
        points, starters = self._points, self._starters
        if points.empty:
            return []
        processes = points[f"{starters.axis}_processes"].fillna(1).to_numpy(np.int64)
        speeds, errors = points["log_speed"].to_numpy(float), _errors(points, starters.axis, processes)
        again = in_question(speeds, errors, points["top1"].to_numpy(float), _groups(points), processes)
        again &= speeds >= starters.least - 3 * errors
        return [int(place) for place in points["place"].to_numpy()[again]]

    def _seconds(self) -> Floats:
        """What measuring each takes, as far as the speeds that were measured tell."""
        jobs, starters = self._starters.jobs, self._starters
        some = next(iter(jobs.values()))
        images = some.case.batch_size if starters.axis == "throughput" else 1
        steps = images * np.exp(-self._race.foreseen())
        return np.array(
            [
                _seconds_of(jobs.get(identity, some), step)
                for identity, step in zip(starters.case_ids, steps, strict=True)
            ]
        )


def racer_of(prepared: Prepared, ledger: conduct.Ledger, request: RunRequest, run_id: str) -> Racer | None:
    """What chooses the cases of a race; None of a suite's run. With `fresh` nothing of earlier runs is known to it."""
    if prepared.race is None:
        return None
    folder = request.results / prepared.suite.name

    def rows() -> pd.DataFrame:
        ledger.write()
        if not folder.is_dir():
            return store.read([])
        every = store.newest(store.read(folder))
        where = {prepared.fingerprint, *(record.fingerprint for record in ledger.records())}
        kept = every["fingerprint"].isin(where) & ((every["run_id"] == run_id) | (not request.fresh))
        return every[kept]

    return Racer(prepared.race, rows)


def _seconds_of(job: Job, step_s: float) -> float:
    """Seconds of opening a case and of its visits for a step of so many seconds, compiling included as an unknown network's."""
    backend = job.case.backend
    compile_s = compile_s_of(job.case, None, None) if registry.load("backends", backend).COMPILES else 0.0
    expected = cost(job.case, job.sampling, float(step_s), compile_s, forks=conduct.forks(backend))
    return expected.open_s + expected.first_s + expected.visits.rounds * expected.visit_s


def _errors(points: pd.DataFrame, axis: str, processes: Counts) -> Floats:
    """Standard deviations of the logarithm: what visits tell, of one process at least what two of equal code differ by."""
    error = points.get(f"{axis}_sd", pd.Series(math.nan, index=points.index)).to_numpy(float)
    usual = PROCESS_SD / np.sqrt(np.maximum(processes, 1))
    return np.where(np.isnan(error), usual, np.where(processes < 2, np.maximum(error, usual), error))


def _groups(points: pd.DataFrame) -> Counts:
    """A number that is equal for the same weights under two names."""
    columns = [
        points.get(name, pd.Series(None, points.index)) for name in ("top1_tag", "image_px", "parameters", "top1")
    ]
    return twins(
        [
            Weights(
                tag=str(tag), image_px=int(px), parameters=-1.0 if pd.isna(count) else float(count), top1=float(top1)
            )
            for tag, px, count, top1 in zip(*columns, strict=True)
        ]
    )


def _top1(starters: Starters) -> Floats:
    return np.array([candidate.top1 for candidate in starters.candidates])


def _by_id(points: pd.DataFrame, name: str, identities: pd.Series) -> pd.Series:
    """A column of points for cases; null where a case is no point."""
    if points.empty:
        return pd.Series(None, index=identities.index, dtype=object)
    return identities.map(dict(zip(points["case_id"], points[name], strict=True)))
