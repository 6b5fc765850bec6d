"""Two sides of one piece of work, single calls in random turn, until a verdict stands or time is out."""

import atexit
import contextlib
import gc
import math
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from ..analysis.estimate import median
from ..analysis.judge import ONE_SD, centre, judge
from ..core.gate_protocol import CANARY_CALLS, Build, Clock, Compared, Controls, Finding, Rules, Terms, Verdict
from ..core.record import Noise
from ..machine import quiet
from .clocks import Player, Reading, read, warmed_up
from .sequential_stopping import at_interim_analyses
from .visit_order import in_turn

CONTROL_BLOCK_S = 0.02
"""A canary's block of calls is about this long at least where the kernel is quick."""
MOST_OBJECTS = 50_000
"""With torch there are 330,000, and going over them takes Python's collector 0.18 s (one Xeon core)."""
MOST_STEAL = 0.05
STEAL_SEEN_S = 0.5
"""Stolen time is counted in steps of 10 ms: over less, one step is too large a share."""


@dataclass(slots=True)
class _Rounds:
    """What was read so far, round by round."""

    base: list[Reading]
    head: list[Reading]

    def logs(self, clock: Clock, slowdown: float) -> list[float]:
        return [
            math.log(slowdown * two.by(clock) / reading.by(clock))
            for reading, two in zip(self.base, self.head, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timing:
    """Calls of a block, by which clock it is timed, and when the first round began."""

    calls: int
    clock: Clock
    start_s: float


def compare(base: Player, head: Player, terms: Terms) -> Compared:
    """Rounds in random order of the sides until `judge` decides, or `fixed_s` or the rules' cap is over."""
    calls, clock = warmed_up(base, head, terms.calls)
    rounds = _Rounds([], [])
    before, start_s = quiet.take_snapshot(), time.perf_counter()
    with _no_collections():
        verdict, wall = _play(base, head, rounds, terms, _Timing(calls=calls, clock=clock, start_s=start_s))
    noise = quiet.noise_between(before, quiet.take_snapshot(), 2 * calls * len(rounds.base))
    seconds = time.perf_counter() - start_s
    verdict, reason = _guarded(verdict, wall, noise if clock != "device" else Noise(), seconds)
    return Compared(
        verdict=verdict,
        reason=reason,
        wall_ratio=wall.ratio,
        clock=clock,
        rounds=len(rounds.base),
        calls=calls,
        seconds=seconds,
        builds=(built(rounds.logs(clock, terms.slowdown), verdict.finding, math.log(wall.ratio), terms.swapped),),
        base_s=median([reading.by(clock) for reading in rounds.base]) / calls,
        head_s=terms.slowdown * median([reading.by(clock) for reading in rounds.head]) / calls,
        base_faults=_faults(rounds.base, calls),
        head_faults=_faults(rounds.head, calls),
        noise=noise,
    )


def built(logs: Sequence[float], finding: Finding, wall_log: float, swapped: bool) -> Build:
    """What a build's rounds say in short."""
    (result,) = centre(logs, ONE_SD)
    sd = (result.high - result.low) / 2
    return Build(log=result.value, sd=sd, finding=finding, wall_log=wall_log, swapped=swapped)


def controls_of(label: str, first: Player, second: Player, rules: Rules, seed: int) -> Controls:
    """Equal players against each other: as they are, and with eleven calls to ten."""
    same = compare(first, second, Terms(rules=rules, seed=seed + 1))
    more = compare(first, second, canary(rules, seed, same.base_s))
    return Controls(label=label, same=same.verdict, canary=more.verdict)


def canary(rules: Rules, seed: int, call_s: float) -> Terms:
    """How equal players of calls of so many seconds are compared with eleven calls to ten."""
    block = CANARY_CALLS * max(1, round(CONTROL_BLOCK_S / CANARY_CALLS / max(call_s, 1e-6)))
    return Terms(rules=rules, calls=block, extra_calls=block // CANARY_CALLS, seed=seed + 2)


def _play(base: Player, head: Player, rounds: _Rounds, terms: Terms, timing: _Timing) -> tuple[Verdict, Verdict]:
    """(Verdict by the clock, by the wall) at the last analysis."""
    calls, clock, rules = timing.calls, timing.clock, terms.rules
    end_s = timing.start_s + (terms.fixed_s or rules.cap_s)
    verdicts: list[tuple[Verdict, Verdict]] = []

    def take() -> None:
        for is_base in in_turn((True, False), terms.seed, len(rounds.base)):
            player, count = (base, calls) if is_base else (head, calls + terms.extra_calls)
            (rounds.base if is_base else rounds.head).append(read(player, count))

    def is_settled(analysis: int, is_over: bool) -> bool:
        gc.collect()
        if terms.fixed_s is not None and not is_over:
            return False
        level = 1 if terms.fixed_s is not None else analysis  # a fixed time is looked at once
        verdict = judge(rounds.logs(clock, terms.slowdown), rules, level)
        wall = verdict
        if clock not in ("wall", "device"):
            wall = judge(rounds.logs("wall", terms.slowdown), rules, level)
        verdicts[:] = [(verdict, wall)]
        return verdict.finding != "unclear" and not (verdict.finding == "slower" and wall.ratio <= 1)

    at_interim_analyses(take, is_settled, rules, lambda: time.perf_counter() < end_s)
    return verdicts[0]


def _guarded(verdict: Verdict, wall: Verdict, noise: Noise, seconds: float) -> tuple[Verdict, str]:
    """The verdict that conditions allow, and why it is unclear."""
    reason = ""
    if noise.steal is not None and noise.steal > MOST_STEAL and seconds > STEAL_SEEN_S:
        reason = f"{100 * noise.steal:.0f} % of the CPU's time was stolen by other virtual machines"
    elif verdict.finding == "slower" and wall.ratio <= 1:
        reason = f"CPU time says {verdict.ratio - 1:+.1%}, wall time {wall.ratio - 1:+.1%}"
    elif verdict.finding != "unclear":
        return verdict, ""
    else:
        reason = _needed(verdict, seconds)
    return Verdict(
        ratio=verdict.ratio, low=verdict.low, high=verdict.high, tolerance=verdict.tolerance, finding="unclear"
    ), reason


def _needed(verdict: Verdict, seconds: float) -> str:
    """How much longer it would have taken: an interval's width shrinks with the root of time."""
    rules = Rules(tolerance=verdict.tolerance)
    shift, margin = abs(verdict.ratio - 1), (verdict.high - verdict.low) / 2
    room = shift - rules.negligible if shift > rules.tolerance else rules.equal - shift
    if margin > 1 or room <= 0:
        return f"undecided after {seconds:.1f} s"
    more_s = seconds * ((margin / room) ** 2 - 1)
    return f"undecided after {seconds:.1f} s; about {max(more_s, 1):.0f} s more needed"


def _faults(readings: Sequence[Reading], calls: int) -> float:
    return sum(reading.faults for reading in readings) / len(readings) / calls


@contextlib.contextmanager
def _no_collections() -> Generator[None]:
    """Python's collector runs between analyses only, and over what was made since the first of them.

    Where there are many objects, mostly modules of a framework, they stay out of it until the process ends.
    """
    was = gc.isenabled()
    gc.collect()
    if len(gc.get_objects()) > MOST_OBJECTS:
        gc.freeze()
        atexit.register(gc.unfreeze)
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
