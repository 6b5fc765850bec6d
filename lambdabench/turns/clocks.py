"""Blocks of calls of one side by every clock, how many calls make a block, and which clock tells."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..analysis.estimate import median
from ..core.gate_protocol import Clock
from ..core.process_usage import usage

BLOCK_S = 1e-3
"""A clock's readings cost about a microsecond: a tenth of a percent of this."""
WARMUP_S, FEWEST_WARMUPS, MOST_WARMUPS = 0.1, 4, 20
"""A fresh process's first calls took 3.0, 1.8 and 1.0 times the steady time on two Xeon cores, and nothing was slower later."""
FULL = (0.9, 1.1)
"""CPU time over wall time of work that one thread does without waiting."""


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


def warmed_up(base: Player, head: Player, calls: int | None = None) -> tuple[int, Clock]:
    """(Calls in a row that a round takes of a side, the clock that tells) after first calls of both."""
    warm = _warm_up(base, head)
    calls = calls or _calls(warm)
    if calls > 1:  # of one quick call, reading the clocks takes most
        warm = [read(player, calls) for _ in range(FEWEST_WARMUPS) for player in (base, head)]
    return calls, choose_clock(warm)


def choose_clock(readings: Sequence[Reading]) -> Clock:
    """Thread time where one thread does the work without waiting, process time where the process's threads do as much as one,
    else wall time; a device's own where it has one.

    A thread that was preempted has less CPU than wall time too, but did not wait of its own will.
    """
    if any(reading.device_s is not None for reading in readings):
        return "device"
    undisturbed = sorted(readings, key=lambda reading: reading.wall_s - reading.process_s)[: max(2, len(readings) // 3)]
    for clock in ("thread CPU", "process CPU"):
        if all(FULL[0] <= reading.by(clock) / reading.wall_s <= FULL[1] for reading in undisturbed):
            return clock
    alone = all(FULL[0] <= reading.thread_s / max(reading.process_s, 1e-9) for reading in readings)
    return "thread CPU" if alone and sum(reading.waits for reading in readings) == 0 else "wall"


def read(player: Player, calls: int) -> Reading:
    """One block of calls, by every clock."""
    if player.remote is not None:
        return player.remote(calls)
    player.prepare(calls)
    before = usage()
    process_ns, thread_ns, wall_ns = time.process_time_ns(), time.thread_time_ns(), time.perf_counter_ns()
    device_s = player.play(calls)
    wall_ns, thread_ns = time.perf_counter_ns() - wall_ns, time.thread_time_ns() - thread_ns
    process_ns = time.process_time_ns() - process_ns
    after = usage()
    return Reading(
        wall_s=max(wall_ns, 1) / 1e9,
        thread_s=thread_ns / 1e9,
        process_s=process_ns / 1e9,
        device_s=device_s,
        faults=after.faults - before.faults,
        waits=after.waits - before.waits,
    )


def _warm_up(base: Player, head: Player) -> list[Reading]:
    """Readings of single calls, those of the first two left out."""
    readings: list[Reading] = []
    start_s = time.perf_counter()
    for number in range(MOST_WARMUPS):
        if number >= FEWEST_WARMUPS and time.perf_counter() - start_s > 2 * WARMUP_S:
            break
        readings += [read(base, 1), read(head, 1)]
    return readings[4:]


def _calls(readings: Sequence[Reading]) -> int:
    """Calls in a row that take a block's time."""
    call_s = median([reading.by("device") for reading in readings])
    return 1 if call_s >= BLOCK_S else math.ceil(BLOCK_S / call_s)
