"""`python -m lambdabench.gate.power [--share S]`: how often the whole rule errs and what it finds, as reports/gate/power.md.

Times are scripted, the rule is the gate's own (analysis/gate_rule.py, analysis/judge.py); every check is seeded by its number, so the
table is the same on every machine.
"""

import argparse
import contextlib
import itertools
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal as scipy_signal  # pyright: ignore[reportMissingTypeStubs] (there are none)

from ..analysis.gate_rule import BUILDS, INTERIM_COUNTS, alone, wants_build, weigh
from ..analysis.judge import judge
from ..analysis.wilson import wilson
from ..core.gate_protocol import Build, Finding, Rules
from ..core.registry import ROOT
from ..turns.sequential_stopping import LEAST_ROUNDS, at_interim_analyses
from ..turns.side_comparison import built
from .check import FRESH_S
from .proof import FOLDER

SIGNAL: Any = scipy_signal
CHECKS = {0.0: 2000, 0.03: 400, 0.05: 400, 0.10: 400}
"""Of each scenario, by the slowdown."""
CASES = 38
"""Of kernels-quick: Holm's correction is paid for."""
FINDINGS: tuple[Finding, ...] = ("slower", "same", "unclear", "faster")
PIECE = 100
BURST_ROUNDS = 50
"""Rounds drawn at a time."""
Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Floats]
"""So many neighbouring rounds' log ratios of equal code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """How a kernel of equal code is timed."""

    told: str
    noise: Noise
    build: Callable[[np.random.Generator], float] = lambda random: 0.0
    """What a build adds to the log ratio of all its rounds."""
    process: Callable[[np.random.Generator], float] = lambda random: 0.0
    second: float = 0.0
    """What it adds where head is made second."""
    round_s: float = 0.01


def plain(random: np.random.Generator, count: int) -> Floats:
    return 0.05 * random.standard_normal(count)


def heavy(random: np.random.Generator, count: int) -> Floats:
    return 0.05 * random.standard_t(2.0, count)


def alike(random: np.random.Generator, count: int) -> Floats:
    """Each like the one before it (0.5), and a variance that is."""
    white = random.standard_normal(count)
    return 0.05 * SIGNAL.lfilter([math.sqrt(0.75)], [1.0, -0.5], white)


def bursts(random: np.random.Generator, count: int) -> Floats:
    """Another program comes for half a second or so, a fifth of the time, and rounds are eight times as far apart."""
    busy = np.repeat(random.random(-(-count // BURST_ROUNDS)) < 0.2, BURST_ROUNDS)[:count]
    return np.where(busy, 8.0, 1.0) * 0.05 * random.standard_normal(count)


def _spread(sd: float) -> Callable[[np.random.Generator], float]:
    return lambda random: sd * float(random.standard_normal())


def _two(speed: float) -> Callable[[np.random.Generator], float]:
    return lambda random: speed * float(random.choice([-1.0, 1.0]))


SCENARIOS: dict[str, Scenario] = {
    "quiet": Scenario(told="rounds of 10 ms, 5 % (sd)", noise=plain),
    "heavy tails": Scenario(told="rounds of 20 ms, Student's t of 2 degrees, 5 %", noise=heavy, round_s=0.02),
    "rounds alike": Scenario(told="rounds of 10 ms, each like the one before (0.5)", noise=alike),
    "bursts": Scenario(told="a fifth of the time eight times as noisy", noise=bursts),
    "builds 1 %": Scenario(told="builds of equal code differ by 1 % (sd)", noise=plain, build=_spread(0.01)),
    "builds 3 %": Scenario(told="builds of equal code differ by 3 % (sd)", noise=plain, build=_spread(0.03)),
    "two speeds": Scenario(told="each build 5.5 % up or down", noise=plain, build=_two(0.055)),
    "made second": Scenario(told="a build is 5 % slower where head is made second", noise=plain, second=0.05),
    "processes 1 %": Scenario(
        told="processes and builds differ by 1 % (sd) each", noise=plain, build=_spread(0.01), process=_spread(0.01)
    ),
    "processes 3 %": Scenario(
        told="processes differ by 3 % (sd), their builds do not", noise=plain, process=_spread(0.03)
    ),
    "two speeds of processes": Scenario(told="each process 5.5 % up or down", noise=plain, process=_two(0.055)),
    "all at once": Scenario(
        told="heavy tails, bursts, builds 2 %, processes 1 %",
        noise=lambda random, count: heavy(random, count) / 2 + bursts(random, count),
        build=_spread(0.02),
        process=_spread(0.01),
        round_s=0.02,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one check said of one case, and the time it took of it."""

    first: Finding
    """By the first process alone."""
    finding: Finding
    processes: int
    timed_s: float


def check(scenario: Scenario, slowdown: float, seed: int, cases: int = CASES) -> Checked:
    """One of so many cases through all stages."""
    random, rules = np.random.default_rng(seed), Rules()
    shift = math.log1p(slowdown) + scenario.process(random)
    first: list[Build] = []
    timed_s = 0.0
    while wants_build(first, rules):
        swapped = bool(len(first) % 2)
        logs = _rounds(scenario, shift, swapped, random)
        build, spent_s = _until_decided(logs, scenario.round_s, rules, swapped)
        first.append(build)
        timed_s += spent_s
    processes: list[list[Build]] = [first]
    while (ruling := weigh(processes, rules, cases)).wanted:
        while len(processes) < ruling.wanted:
            own = math.log1p(slowdown) + scenario.process(random)
            processes.append(_fresh(scenario, own, bool(len(processes) % 2), random))
            timed_s += FRESH_S
    return Checked(
        first=alone(first, rules).finding, finding=ruling.verdict.finding, processes=len(processes), timed_s=timed_s
    )


def _fresh(scenario: Scenario, shift: float, swapped: bool, random: np.random.Generator) -> list[Build]:
    """A fresh process's builds, of a fixed time each."""
    builds: list[Build] = []
    for number in range(BUILDS):
        turned = swapped != bool(number % 2)
        count = max(LEAST_ROUNDS, round(FRESH_S / BUILDS / scenario.round_s))
        logs = _rounds(scenario, shift, turned, random)
        builds.append(_built(list(itertools.islice(logs, count)), "unclear", turned))
    return builds


def _until_decided(rounds: Iterator[float], round_s: float, rules: Rules, swapped: bool) -> tuple[Build, float]:
    """(A build of the first process, its seconds)."""
    logs: list[float] = []
    findings: list[Finding] = []

    def is_settled(analysis: int, is_over: bool) -> bool:
        findings[:] = [judge(logs, rules, analysis).finding]
        return findings[0] != "unclear"

    at_interim_analyses(lambda: logs.append(next(rounds)), is_settled, rules, lambda: len(logs) * round_s < rules.cap_s)
    return _built(logs, findings[0], swapped), len(logs) * round_s


def _built(logs: Sequence[float], finding: Finding, swapped: bool) -> Build:
    return built(logs, finding, sum(logs) / len(logs), swapped)


def _rounds(scenario: Scenario, shift: float, swapped: bool, random: np.random.Generator) -> Iterator[float]:
    """A build's, without end."""
    own = shift + scenario.build(random) + (0.0 if swapped else scenario.second)
    while True:
        yield from (own + scenario.noise(random, PIECE)).tolist()


def cell(name: str, slowdown: float, checks: int) -> list[Checked]:
    """Checks of one scenario. Equal code is judged as if it were alone, where errors are likeliest; what is slower beside others."""
    cases = CASES if slowdown else 1
    return [check(SCENARIOS[name], slowdown, seed, cases) for seed in range(checks)]


def simulate(share: float, mapped: Callable[..., Iterable[Any]]) -> dict[tuple[str, float], list[Checked]]:
    """All cells with this share of `CHECKS`; `mapped` is `map`, or one that works elsewhere."""
    keys = [(name, slowdown) for name in SCENARIOS for slowdown in CHECKS]
    counts = [max(1, round(share * CHECKS[slowdown])) for _, slowdown in keys]
    names, slowdowns = zip(*keys, strict=True)
    return dict(zip(keys, mapped(cell, names, slowdowns, counts), strict=True))


def page(checkeds: dict[tuple[str, float], list[Checked]]) -> str:
    """The report in Markdown."""
    counts = ", ".join(map(str, INTERIM_COUNTS))
    text = [
        "# What the whole rule finds, and how often it errs",
        "",
        "Scripted times through the gate's own rule (`lambdabench/analysis/gate_rule.py`): the first process, fresh ones for what it",
        f"does not settle (looked at when there are {counts} in all), Holm's correction. Equal code as a check of one case, where errors",
        f"are likeliest; slower code beside {CASES - 1} equal cases. Shares of checks in %; of equal code called slower or faster with the",
        "upper end of its 95 % interval (Wilson). Processes and seconds of timing: mean of checks. Times are seeded, so the table is the",
        "same everywhere. Written by `python -m lambdabench.gate.power`.",
        "",
        "| times | slowdown | checks | first process: slower | same | unclear | faster | in the end: slower | same | unclear | faster "
        "| processes | s timed |",
        "|" + "---|" * 13,
    ]
    text += [_row(name, slowdown, many) for (name, slowdown), many in checkeds.items()]
    text += ["", *(f"- {name}: {scenario.told}" for name, scenario in SCENARIOS.items()), "", *TOLD]
    return "\n".join(text) + "\n"


TOLD = (
    "`unclear` of the first process alone: its builds disagree, and it goes on to fresh ones; or noise hid the answer of its first build",
    "for 10 s, and it stays so. A kernel of two speeds whose first two builds are both of the same one is called same where that hides",
    "what it lost: two builds can do no better. Where processes differ and their builds do not, the first one alone cannot know it, and",
    "says same of what became slower as often as it happened to be a fast one.",
)


def _row(name: str, slowdown: float, many: Sequence[Checked]) -> str:
    cells = [name, f"+{100 * slowdown:.0f} %" if slowdown else "none (A/A)", f"{len(many)}"]
    for stage in ("first", "finding"):
        items = [getattr(checked, stage) for checked in many]
        cells += [_share(items.count(finding), len(many), finding, slowdown) for finding in FINDINGS]
    cells.append(f"{sum(checked.processes for checked in many) / len(many):.1f}")
    cells.append(f"{sum(checked.timed_s for checked in many) / len(many):.1f}")
    return f"| {' | '.join(cells)} |"


def _share(count: int, of: int, finding: Finding, slowdown: float) -> str:
    name = f"{100 * count / of:.1f}" if count else "0"
    wrong = not slowdown and finding in ("slower", "faster")
    return f"{name} (≤ {100 * wilson(count, of)[1]:.2f})" if wrong else name


def main(arguments: Sequence[str]) -> int:
    """Simulates all cells and writes the table."""
    parser = argparse.ArgumentParser(prog=f"python -m {ROOT}.gate.power", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the checks of each cell")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--out", type=Path, default=FOLDER)
    asked = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        pool = stack.enter_context(ProcessPoolExecutor(asked.processes)) if asked.processes > 1 else None
        checkeds = simulate(asked.share, pool.map if pool else map)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "power.md").write_text(page(checkeds), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
