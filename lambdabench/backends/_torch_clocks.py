"""Seconds of calls on a torch device: by the device's own events where it has some that tell time, and by the host's clock."""

import time
from collections.abc import Callable, Sequence
from typing import Any

FLUSHED_BYTES = 2**28
"""More than the caches of a device hold, as triton's do_bench has it."""
Flush = Callable[[], Any] | None


def flush_of(torch: Any, device: Any) -> Callable[[], Any]:
    """What leaves nothing of before in a device's caches: it writes so much that nobody reads."""
    return torch.empty(FLUSHED_BYTES // 4, dtype=torch.int32, device=device).zero_


def by_host(
    count: int, call: Callable[[], Any], synchronize: Callable[[], None], flush: Flush = None
) -> Sequence[float]:
    """Of each call with its synchronisation: dispatch included."""
    times: list[float] = []
    for _ in range(count):
        if flush is not None:
            flush()
            synchronize()
        start_s = time.perf_counter()
        call()
        synchronize()
        times.append(time.perf_counter() - start_s)
    return times


class HostClock:
    """This process's seconds."""

    def now(self) -> float:
        return time.perf_counter()


def by_events(
    count: int, call: Callable[[], Any], cuda: Any, flush: Flush = None
) -> tuple[Sequence[float], Sequence[float]]:
    """(Of each call on an idle stream, between its two events; the same by the host's clock). Each event is recorded once before: the
    first time makes it, which takes longer than a small network's kernels, and would be timed."""
    pairs = [(cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)) for _ in range(count)]
    for event in (event for pair in pairs for event in pair):
        event.record()
    walls: list[float] = []
    cuda.synchronize()
    for start, end in pairs:
        if flush is not None:
            flush()
            cuda.synchronize()
        start_s = time.perf_counter()
        start.record()
        call()
        end.record()
        cuda.synchronize()
        walls.append(time.perf_counter() - start_s)
    return [start.elapsed_time(end) / 1e3 for start, end in pairs], walls
