"""Two versions of one piece of work in one process, single calls in random turn, until a verdict stands or time is out."""

import atexit
import contextlib
import gc
import math
import random
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..analysis.estimate import median
from ..analysis.judge import following, judge, slower_p
from ..core.pairing import CANARY_CALLS, Clock, Controls, Rules, Verdict
from ..core.record import Noise
from ..machine import quiet

BLOCK_S = 1e-3
"""A clock's readings cost about a microsecond: a tenth of a percent of this."""
CONTROL_BLOCK_S = 0.02
"""A canary's block of calls is about this long at least where the kernel is quick."""
WARMUP_S, FEWEST_WARMUPS, MOST_WARMUPS = 0.1, 4, 20
"""A fresh process's first calls took 3.0, 1.8 and 1.0 times the steady time on two Xeon cores, and nothing was slower later."""
FULL = (0.9, 1.1)
"""CPU time over wall time of work that one thread does without waiting."""
MOST_OBJECTS = 50_000
"""With torch there are 330,000, and going over them takes Python's collector 0.18 s (one Xeon core)."""
MOST_STEAL = 0.05
STEAL_SEEN_S = 0.5
"""Stolen time is counted in steps of 10 ms: over less, one step is too large a share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """One side. `play` makes so many calls and waits for their end; it returns seconds by the device's own events, or None where
    the host's clocks tell. `prepare` makes ready for so many, untimed. `remote`: the reading of a player in another process."""

    play: Callable[[int], float | None] = lambda calls: None
    prepare: Callable[[int], None] = lambda calls: None
    remote: "Callable[[int], Reading] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Seconds of one block by every clock; page faults and voluntary waits in it."""

    wall_s: float
    thread_s: float
    process_s: float
    device_s: float | None
    faults: int
    waits: int

    def by(self, clock: Clock) -> float:
        """Seconds, never 0."""
        device_s = self.device_s if self.device_s is not None else self.wall_s
        known = {"wall": self.wall_s, "thread CPU": self.thread_s, "process CPU": self.process_s, "device": device_s}
        return max(known[clock], 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How two players are compared. `slowdown` multiplies head's times; head makes `extra_calls` in a canary only."""

    rules: Rules = field(default_factory=Rules)
    fixed_s: float | None = None
    slowdown: float = 1.0
    calls: int | None = None
    extra_calls: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What rounds of two players tell."""

    verdict: Verdict
    reason: str
    wall_ratio: float
    clock: Clock
    rounds: int
    calls: int
    seconds: float
    p_value: float
    base_s: float
    head_s: float
    base_faults: float
    head_faults: float
    noise: Noise
    logs: tuple[float, ...] = ()
    """log(head / base) of every round."""


@dataclass(slots=True)
class _Rounds:
    """What was read so far, round by round."""

    base: list[Reading]
    head: list[Reading]

    def logs(self, clock: Clock, slowdown: float) -> list[float]:
        return [
            math.log(slowdown * two.by(clock) / one.by(clock)) for one, two in zip(self.base, self.head, strict=True)
        ]


def compare(base: Player, head: Player, terms: Terms) -> Compared:
    """Rounds in random order of the sides until `judge` decides, or `fixed_s` or the rules' cap is over."""
    calls, clock = warmed_up(base, head, terms.calls)
    rounds, order = _Rounds([], []), random.Random(terms.seed)
    before, start_s = quiet.take_snapshot(), time.perf_counter()
    with _no_collections():
        verdict, wall = _play(base, head, rounds, terms, (calls, clock, order, start_s))
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
        p_value=slower_p(rounds.logs(clock, terms.slowdown), terms.rules),
        logs=tuple(rounds.logs(clock, terms.slowdown)),
        base_s=median([one.by(clock) for one in rounds.base]) / calls,
        head_s=terms.slowdown * median([one.by(clock) for one in rounds.head]) / calls,
        base_faults=_faults(rounds.base, calls),
        head_faults=_faults(rounds.head, calls),
        noise=noise,
    )


def warmed_up(base: Player, head: Player, calls: int | None = None) -> tuple[int, Clock]:
    """(Calls in a row that a round takes of a side, the clock that tells) after first calls of both."""
    warm = _warm_up(base, head)
    calls = calls or _calls(warm)
    if calls > 1:  # of one quick call, reading the clocks takes most
        warm = [read(one, calls) for _ in range(FEWEST_WARMUPS) for one in (base, head)]
    return calls, choose_clock(warm)


def controls_of(
    label: str, first: Player, second: Player, rules: Rules, seed: int, *, same: Compared | None = None
) -> Controls:
    """Equal players against each other: as they are, unless that has been compared already, and with eleven calls to ten."""
    same = same or compare(first, second, Terms(rules=rules, seed=seed + 1))
    block = CANARY_CALLS * max(1, round(CONTROL_BLOCK_S / CANARY_CALLS / max(same.base_s, 1e-6)))
    more = Terms(rules=rules, calls=block, extra_calls=block // CANARY_CALLS, seed=seed + 2)
    return Controls(label=label, same=same.verdict, canary=compare(first, second, more).verdict)


def choose_clock(readings: Sequence[Reading]) -> Clock:
    """Thread time where one thread does the work without waiting, process time where the process's threads do as much as one,
    else wall time; a device's own where it has one.

    A thread that was preempted has less CPU than wall time too, but did not wait of its own will.
    """
    if any(one.device_s is not None for one in readings):
        return "device"
    undisturbed = sorted(readings, key=lambda one: one.wall_s - one.process_s)[: max(2, len(readings) // 3)]
    for clock in ("thread CPU", "process CPU"):
        if all(FULL[0] <= one.by(clock) / one.wall_s <= FULL[1] for one in undisturbed):
            return clock
    alone = all(FULL[0] <= one.thread_s / max(one.process_s, 1e-9) for one in readings)
    return "thread CPU" if alone and sum(one.waits for one in readings) == 0 else "wall"


def read(player: Player, calls: int) -> Reading:
    """One block of calls, by every clock."""
    if player.remote is not None:
        return player.remote(calls)
    player.prepare(calls)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    process_ns, thread_ns, wall_ns = time.process_time_ns(), time.thread_time_ns(), time.perf_counter_ns()
    device_s = player.play(calls)
    wall_ns, thread_ns = time.perf_counter_ns() - wall_ns, time.thread_time_ns() - thread_ns
    process_ns = time.process_time_ns() - process_ns
    after = resource.getrusage(resource.RUSAGE_SELF)
    return Reading(
        wall_s=max(wall_ns, 1) / 1e9,
        thread_s=thread_ns / 1e9,
        process_s=process_ns / 1e9,
        device_s=device_s,
        faults=after.ru_minflt - usage.ru_minflt,
        waits=after.ru_nvcsw - usage.ru_nvcsw,
    )


def _play(
    base: Player, head: Player, rounds: _Rounds, terms: Terms, fixed: tuple[int, Clock, random.Random, float]
) -> tuple[Verdict, Verdict]:
    """(Verdict by the clock, by the wall) at the last look."""
    calls, clock, order, start_s = fixed
    rules, look, due = terms.rules, 1, terms.rules.first_look
    end_s = start_s + (terms.fixed_s or rules.cap_s)
    while True:
        while len(rounds.base) < due and (time.perf_counter() < end_s or len(rounds.base) < 6):
            first = order.random() < 0.5
            for is_base in (first, not first):
                player, count = (base, calls) if is_base else (head, calls + terms.extra_calls)
                (rounds.base if is_base else rounds.head).append(read(player, count))
        gc.collect()
        over = time.perf_counter() >= end_s
        if terms.fixed_s is None or over:
            level = 1 if terms.fixed_s is not None else look  # a fixed time is looked at once
            verdict = judge(rounds.logs(clock, terms.slowdown), rules, level)
            wall = verdict
            if clock not in ("wall", "device"):
                wall = judge(rounds.logs("wall", terms.slowdown), rules, level)
            vetoed = verdict.finding == "slower" and wall.ratio <= 1
            if over or (verdict.finding != "unclear" and not vetoed):
                return verdict, wall
        look, due = look + 1, following(due, rules)


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
    shift, reach = abs(verdict.ratio - 1), (verdict.high - verdict.low) / 2
    room = shift - rules.negligible if shift > rules.tolerance else rules.equal - shift
    if reach > 1 or room <= 0:
        return f"undecided after {seconds:.1f} s"
    more_s = seconds * ((reach / room) ** 2 - 1)
    return f"undecided after {seconds:.1f} s; about {max(more_s, 1):.0f} s more needed"


def _warm_up(base: Player, head: Player) -> list[Reading]:
    """Readings of single calls, those of the first two left out."""
    found: list[Reading] = []
    start_s = time.perf_counter()
    for number in range(MOST_WARMUPS):
        if number >= FEWEST_WARMUPS and time.perf_counter() - start_s > 2 * WARMUP_S:
            break
        found += [read(base, 1), read(head, 1)]
    return found[4:]


def _calls(readings: Sequence[Reading]) -> int:
    """Calls in a row that take a block's time."""
    call_s = median([one.by("device") for one in readings])
    return 1 if call_s >= BLOCK_S else math.ceil(BLOCK_S / call_s)


def _faults(readings: Sequence[Reading], calls: int) -> float:
    return sum(one.faults for one in readings) / len(readings) / calls


@contextlib.contextmanager
def _no_collections() -> Iterator[None]:
    """Python's collector runs between looks only, and over what was made since the first of them.

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
