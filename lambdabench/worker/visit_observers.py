"""All observers, entered around a visit: what they found is its noise."""

import contextlib
import functools
from collections.abc import Generator, Sequence
from typing import Any

from ..core import registry
from ..core.ports import Watch
from ..core.record import Noise


class Watching:
    """The watches of one visit."""

    def __init__(self, watches: Sequence[Watch]) -> None:
        self._watches = watches

    def warm(self) -> None:
        """The cold calls are over."""
        for watch in self._watches:
            watch.warm()

    def noise(self, calls: int) -> Noise:
        """What was found of a visit of so many calls that has just ended; of two observers the one that knows."""
        result: dict[str, Any] = {}
        for watch in self._watches:
            result |= {name: value for name, value in watch.found(calls).items() if value is not None}
        return Noise(**result)


@contextlib.contextmanager
def around(device: str) -> Generator[Watching]:
    """Watches a device from here on; what watches has ended when this ends, however that is."""
    with contextlib.ExitStack() as stack:
        yield Watching([stack.enter_context(observer.observe(device)) for observer in observers()])


@functools.cache
def observers() -> tuple[Any, ...]:
    """All that there are, looked for once: modules of `observers/`, and outsiders' own."""
    return tuple(registry.load("observers", name) for name in registry.names("observers"))
