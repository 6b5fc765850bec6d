"""`python -m lambdabench.analysis.coverage [--runs N]`: how often the intervals of rounds hold the truth, as reports/coverage/index.md.

Every run is made up (analysis/scenarios.py) and seeded by its number, so the table is the same on every machine.
"""

import argparse
import contextlib
import itertools
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import rounds, scenarios, visits
from .estimate import Estimate
from .front_membership import membership, top1_sd
from .interim_analysis import confidences
from .scenarios import Shape

RUNS = 1000
FOLDER = Path("reports/coverage")
SHAPES = (Shape(), Shape(rounds=8), Shape(cases=4, rounds=12), Shape(rounds=24, processes=6))
STOPPED = Shape(cases=8, rounds=24, processes=6)
INTERIM_ROUNDS = (12, 16, 20, 24)
STOPPING = ("calls alike", "processes", "all at once")
WIDTHS = (0.015, 0.03, 0.05)
"""Half widths at which a run that stops early stops."""
ASKED_PERCENT = (93.0, 97.0)
NOT_PROMISED = ("rounds alike",)
"""Kinds whose absolute figures are beyond what a run can know: a machine whose level moves more slowly than the run is long."""


PATIENT = Shape(cases=8, rounds=27, processes=9)
PLANNED, MORE = 9, 3
"""Rounds of a patient run that are made whatever comes, and of each further generation."""
ENOUGH = (0.03, 0.05)
"""Middle half widths of ratios at which a patient run stops."""
FRONTS = ("processes", "bursts", "rounds alike", "two speeds", "half twice as variable", "all at once")
FRONT = Shape(rounds=9)
SAID = (5, 15, 25, 35, 45, 55, 65, 75, 85, 95)
"""Percent: the middles of tenths."""
SLOPE, AWAY = 2.0, 0.3
"""Points of accuracy per unit of log time, and how far networks are from that line (sd): most are near the front."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Of all intervals of a kind: how many held the truth, and their middle half width in log."""

    hits: int
    intervals: int
    half_width: float

    @property
    def share(self) -> float:
        """The coverage."""
        return self.hits / self.intervals


Stopped = tuple[str, float, Covered, float]
"""Kind, half width at which it stops, coverage, rounds it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One kind of run of one shape: absolute figures; ratios to the first case; ratios of the second half of the cases alone."""

    kind: str
    shape: Shape
    absolute: Covered
    paired: Covered
    latter: Covered


def cover(kind: str, shape: Shape, runs: int) -> Line:
    """Coverage of 95 % intervals over `runs` runs of a kind."""
    absolute: list[tuple[bool, float]] = []
    paired: list[tuple[int, bool, float]] = []
    for seed in range(runs):
        run = scenarios.make(kind, shape, seed)
        fit = visits.fit(run.visits)
        own, ratios = rounds.absolute(fit), rounds.paired(fit, fit.cases[0])
        for place, name in enumerate(fit.cases):
            absolute.append(_held(own[name], run.truth[place]))
            if place:
                paired.append((place, *_held(ratios[name], run.truth[place] - run.truth[0])))
    return Line(
        kind=kind,
        shape=shape,
        absolute=_covered(absolute),
        paired=_covered([(hit, width) for _, hit, width in paired]),
        latter=_covered([(hit, width) for place, hit, width in paired if place >= shape.cases // 2]),
    )


def cover_stopped(kind: str, half_width: float, runs: int) -> tuple[Covered, float]:
    """(Coverage of ratios of which each is told at the first look where it is narrow enough, else at the last; rounds it took on
    average)."""
    text: list[tuple[bool, float]] = []
    spent: list[int] = []
    for seed in range(runs):
        run = scenarios.make(kind, STOPPED, seed)
        open_ = set(range(1, STOPPED.cases))
        for count, confidence in zip(
            INTERIM_ROUNDS, confidences([name / INTERIM_ROUNDS[-1] for name in INTERIM_ROUNDS]), strict=True
        ):
            fit = visits.fit([visit for visit in run.visits if visit.round_ < count])
            ratios = rounds.paired(fit, fit.cases[0], confidence)
            for place in sorted(open_):
                hit, width = _held(ratios[fit.cases[place]], run.truth[place] - run.truth[0])
                if width <= half_width or count == INTERIM_ROUNDS[-1]:
                    open_.remove(place)
                    text.append((hit, width))
                    spent.append(count)
    return _covered(text), float(np.mean(spent))


def cover_patient(kind: str, half_width: float, runs: int) -> tuple[Covered, float]:
    """(Coverage of plain 95 % intervals of ratios of runs that go on by further generations until the middle one is narrow enough, as
    `run --patience` does; rounds they took on average)."""
    text: list[tuple[bool, float]] = []
    spent: list[int] = []
    for seed in range(runs):
        run = scenarios.make(kind, PATIENT, seed)
        for count in range(PLANNED, PATIENT.rounds + 1, MORE):
            fit = visits.fit([visit for visit in run.visits if visit.round_ < count])
            ratios = rounds.paired(fit, fit.cases[0])
            truths = dict(zip(fit.cases, run.truth - run.truth[0], strict=True))
            held = [_held(estimate, truths[name]) for name, estimate in ratios.items()]
            if float(np.median([width for _, width in held])) <= half_width or count == PATIENT.rounds:
                text += held
                spent.append(count)
                break
    return _covered(text), float(np.mean(spent))


def foretell(kind: str, runs: int) -> list[tuple[float, bool]]:
    """(Probability of the front that a run says, whether it is so) of every network of `runs` runs, with accuracies that are known as
    published ones are."""
    result: list[tuple[float, bool]] = []
    for seed in range(runs):
        run, random = scenarios.make(kind, FRONT, seed), np.random.default_rng((seed, 1))
        away = AWAY * random.standard_normal(FRONT.cases)
        top1 = 78 + SLOPE * (run.truth - run.truth.mean()) + away
        published = top1 + top1_sd(top1) * random.standard_normal(FRONT.cases)
        fit = visits.fit(run.visits)
        speed = -np.array([math.log(estimate.value) for estimate in rounds.absolute(fit).values()])
        sd = np.array(list(rounds.beside(fit).values()))
        said = membership(speed, sd, published, np.arange(FRONT.cases))
        beaten = ((run.truth < run.truth[:, None]) & (top1 > top1[:, None])).any(axis=1)
        result += [(float(item), not bool(is_beaten)) for item, is_beaten in zip(said, beaten, strict=True)]
    return result


def _held(estimate: Estimate, truth: float) -> tuple[bool, float]:
    return math.log(estimate.low) <= truth <= math.log(estimate.high), math.log(estimate.high / estimate.value)


def _covered(result: Sequence[tuple[bool, float]]) -> Covered:
    return Covered(
        hits=sum(hit for hit, _ in result),
        intervals=len(result),
        half_width=float(np.median([width for _, width in result])),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """All that the report tells."""

    lines: Sequence[Line]
    stopped: Sequence[Stopped]
    patient: Sequence[Stopped]
    fronts: Sequence["Foretold"]


Foretold = tuple[str, list[tuple[float, bool]]]
"""Kind, and (probability of the front, whether it was so) of each network."""


def simulate(runs: int, mapped: Callable[..., Iterable[Any]]) -> Simulated:
    """All lines of the report; `mapped` is `map`, or one that works elsewhere."""

    def over(work: Callable[..., Any], *axes: Sequence[Any]) -> list[Any]:
        points = list(itertools.product(*axes))
        items = mapped(work, *zip(*points, strict=True), itertools.repeat(runs))
        return [(*point, item) for point, item in zip(points, items, strict=True)]

    return Simulated(
        lines=[item for *_, item in over(cover, list(scenarios.KINDS), SHAPES)],
        stopped=[(kind, width, *of) for kind, width, of in over(cover_stopped, STOPPING, WIDTHS)],
        patient=[(kind, width, *of) for kind, width, of in over(cover_patient, FRONTS, ENOUGH)],
        fronts=over(foretell, FRONTS),
    )


def page(simulated: Simulated, runs: int) -> str:
    """The report in Markdown."""
    text = [
        "# How often intervals hold the truth",
        "",
        f"{runs:,} runs of each line, made up so that the truth is known (`lambdabench/analysis/scenarios.py`); 95 % intervals of",
        "`analysis/rounds.py`. Share that holds the truth, with the middle half width. Written by",
        "`python -m lambdabench.analysis.coverage`.",
        "",
        "| machine | cases | rounds | processes | absolute | ratio to the first case | ratio, second half of the cases |",
        "|---|---|---|---|---|---|---|",
    ]
    for line in simulated.lines:
        shape = line.shape
        beyond = line.kind in NOT_PROMISED
        cells = (_marked(line.absolute, "¹" if beyond else ""), _marked(line.paired), _marked(line.latter))
        text.append(f"| {line.kind} | {shape.cases} | {shape.rounds} | {shape.processes} | {' | '.join(cells)} |")
    text += [
        "",
        "¹ Not promised: a level that moves more slowly than the run is long. Ratios are free of it.",
        "",
        "² Outside 93 to 97 %. Above: the quieter half of the cases, which the floor widens, and processes of two speeds. Below: of four",
        "cases of two speeds each, three processes are of one speed in a quarter of the runs, and three other cases say too little.",
        "",
        f"Stopping early: ratios of {STOPPED.cases} cases in {STOPPED.rounds} rounds and {STOPPED.processes} processes, each told at the",
        f"first look (after {', '.join(map(str, INTERIM_ROUNDS))} rounds) "
        "where it is narrow enough, else at the last; the confidence of each look",
        "is `analysis/interim_analysis.py`'s. It pays for stopping for any reason, the estimate itself too: by width alone costs less.",
        "",
        "| machine | narrow enough | rounds taken | ratio |",
        "|---|---|---|---|",
    ]
    text += _stops(simulated.stopped)
    text += [
        "",
        f"Going on with `run --patience`: ratios of {PATIENT.cases} cases, {PLANNED} rounds in 3 processes, then generations of {MORE}",
        f"rounds until the middle ratio is narrow enough, {PATIENT.rounds} rounds at most. What ends a run is a width, so plain 95 %",
        "intervals keep what they promise.",
        "",
        "| machine | narrow enough | rounds taken | ratio |",
        "|---|---|---|---|",
        *_stops(simulated.patient),
    ]
    text += [
        "",
        "## Is a probability of the front how often it comes true?",
        "",
        f"{FRONT.cases} networks near a front, {FRONT.rounds} rounds in {FRONT.processes} processes, accuracies that err as published ones",
        "do (front_membership.py). Of networks of which a run said so much, in percent (the middle of each tenth), how many were on",
        "the front, of how many.",
        "",
        f"| machine | rounds | {' | '.join(f'{name} %' for name in SAID)} | networks on the front: said, were |",
        f"|---|---|{'---|' * len(SAID)}---|",
    ]
    text += [_foretold(kind, text, runs) for kind, text in simulated.fronts]
    return "\n".join(text) + "\n"


def _stops(stoppeds: Sequence[Stopped]) -> list[str]:
    return [
        f"| {kind} | ±{100 * width:.1f} % | {took:.1f} | {_cell(covered)} |" for kind, width, covered, took in stoppeds
    ]


def _foretold(kind: str, result: Sequence[tuple[float, bool]], runs: int) -> str:
    tenth = np.minimum([int(10 * said) for said, _ in result], 9)
    came = np.array([is_on for _, is_on in result])
    each = [came[tenth == number] for number in range(10)]
    cells = [f"{100 * array.mean():.0f} % of {len(array):,}" if len(array) else "" for array in each]
    sizes = f"{sum(said for said, _ in result) / runs:.2f}, {came.sum() / runs:.2f}"
    return f"| {kind} | {FRONT.rounds} | {' | '.join(cells)} | {sizes} |"


def _marked(covered: Covered, mark: str = "") -> str:
    """With the mark of what is outside what is asked, where it has no other."""
    low, high = ASKED_PERCENT
    return _cell(covered) + (mark or ("" if low <= round(100 * covered.share, 1) <= high else "²"))


def _cell(covered: Covered) -> str:
    return f"{100 * covered.share:.1f} % ±{100 * math.expm1(covered.half_width):.1f}"


def main(arguments: Sequence[str]) -> int:
    """Simulates all lines and writes the table."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}.coverage", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=FOLDER)
    asked = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(asked.processes)) if asked.processes > 1 else None
        simulated = simulate(asked.runs, pool.map if pool else map)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "index.md").write_text(page(simulated, asked.runs), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
