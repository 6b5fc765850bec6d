"""Clocks, temperature, power, throttling and other processes of an NVIDIA GPU, by NVML throughout a visit.

A thread reads the card every `EVERY_S` and sleeps in between; once more at the end of the calls, which is after the cold ones however
short a visit is. NVML's functions run without Python's lock, so what a reading takes from the thread that times is that it hands
the lock over five times: some tens of microseconds in a tenth of a second. On a GPU times are those of device events, between which
the host is ahead wherever a step is not all launching. Who is on the card is asked at both ends alone: that takes milliseconds. **Tried
with a scripted NVML, and not measured on a GPU yet.**
"""

import contextlib
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from ..analysis.estimate import median
from ..machine import nvidia
from ..machine.nvidia import Board, Reading

EVERY_S = 0.1


class _Nothing:
    """Where there is no such card, or nobody to ask."""

    def warm(self) -> None: ...

    def found(self, calls: int) -> Mapping[str, Any]:
        return {}


class _Watch:
    def __init__(self, board: Board, every_s: float) -> None:
        self._board, self._every_s = board, every_s
        self._readings: list[Reading] = []
        self._cold = 0
        self._others = board.others()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="nvml", daemon=True)
        self._thread.start()

    def warm(self) -> None:
        self._cold = len(self._readings)

    def found(self, calls: int) -> Mapping[str, Any]:
        self.end()
        warm = [*self._readings[self._cold :], self._board.read()]
        counts = [number for number in (self._others, self._board.others()) if number is not None]
        return figures(warm) | {"other_processes": max(counts, default=None)}

    def end(self) -> None:
        """Waits for a reading that is under way."""
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(self._every_s):
            self._readings.append(self._board.read())


@contextlib.contextmanager
def observe(device: str, every_s: float = EVERY_S) -> Generator[_Watch | _Nothing]:
    """Of a name like "cuda:0"; of any other device nothing."""
    board = nvidia.board_of(device)
    if board is None:
        yield _Nothing()
        return
    watch = _Watch(board, every_s)
    try:
        yield watch
    finally:
        watch.end()


def figures(readings: Sequence[Reading]) -> dict[str, Any]:
    """Fields of `Noise` from the readings of a visit's timed calls; None where the card does not tell."""

    def over(name: str, how: Callable[[list[float]], float]) -> float | None:
        known = [float(value) for reading in readings if (value := getattr(reading, name)) is not None]
        return how(known) if known else None

    reasons = [reading.reasons for reading in readings if reading.reasons is not None]
    names = {name for reason in reasons for name in nvidia.names_of(reason)}
    return {
        "sm_clock_mhz": over("sm_clock_mhz", median),
        "sm_clock_least_mhz": over("sm_clock_mhz", min),
        "memory_clock_mhz": over("memory_clock_mhz", median),
        "temperature_c": over("temperature_c", max),
        "power_w": over("power_w", lambda many: sum(many) / len(many)),
        "throttle": ",".join(sorted(names)) if reasons else None,
    }
