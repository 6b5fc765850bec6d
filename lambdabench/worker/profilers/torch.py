"""torch's profiler over a few calls: time by operator, and what was allocated."""

from collections.abc import Callable
from typing import Any

from torch.profiler import ProfilerActivity, profile

from ...core.gate_protocol import Operator

CALLS = 5
MOST = 40
"""Operators kept, the costliest first."""


def profiled(call: Callable[[], Any], on_gpu: bool) -> tuple[tuple[Operator, ...], float]:
    """(Operators by their own time in a call, allocations in a call). A profiler costs time: compare, do not quote."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    call()
    with profile(activities=activities, profile_memory=True, acc_events=True) as result:
        for _ in range(CALLS):
            call()
    events = result.key_averages()
    operators = [
        Operator(
            name=event.key,
            self_s=(event.self_device_time_total if on_gpu else event.self_cpu_time_total) / 1e6 / CALLS,
            calls=event.count / CALLS,
        )
        for event in events
        if event.key != "[memory]" and not event.key.startswith("Profiler")
    ]
    operators.sort(key=lambda operator: -operator.self_s)
    allocations = sum(_allocates(event) for event in result.events() or ())
    return tuple(operators[:MOST]), allocations / CALLS


def _allocates(event: Any) -> bool:
    """Whether an event takes memory itself; those that give it back are negative."""
    taken = event.cpu_memory_usage if event.name == "[memory]" else event.self_cpu_memory_usage
    return max(taken, event.self_device_memory_usage) > 0
