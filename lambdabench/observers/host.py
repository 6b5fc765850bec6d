"""How much of the host others took, and what happened to this process, by the kernel's counters at both ends of a visit."""

import contextlib
from collections.abc import Generator, Mapping
from dataclasses import asdict
from typing import Any

from ..machine import quiet


class _Watch:
    def __init__(self) -> None:
        self._before = quiet.take_snapshot()

    def warm(self) -> None:
        """The cold calls count too: the kernel's counters are coarse, and a visit is short."""

    def found(self, calls: int) -> Mapping[str, Any]:
        return asdict(quiet.noise_between(self._before, quiet.take_snapshot(), calls))


@contextlib.contextmanager
def observe(device: str) -> Generator[_Watch]:
    """Whatever the device: its calls come from here."""
    yield _Watch()
