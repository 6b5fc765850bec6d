"""What a pytest-benchmark test hands over to be timed, taken from the fixture before it is timed there."""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
OnBenchmark = Callable[[str, "Target"], None]
"""Of a test's name and what it times."""


@dataclass(slots=True, kw_only=True)
class Target:
    """A function with its arguments, or with the setup that makes them anew for each call."""

    function: Callable[..., Any]
    arguments: Arguments
    setup: Callable[[], Any] | None = None
    teardown: Callable[..., Any] | None = None
    _ready: list[Arguments] = field(default_factory=list[Arguments])

    def prepare(self, calls: int) -> None:
        """Makes the arguments of so many calls."""
        if self.teardown is not None:
            for args, kwargs in self._ready:
                self.teardown(*args, **kwargs)
        self._ready = [self._made() for _ in range(calls)] if self.setup is not None else []

    def play(self, calls: int) -> None:
        """So many calls, with what was prepared."""
        function, (args, kwargs) = self.function, self.arguments
        if self.setup is None:
            for _ in itertools.repeat(None, calls):
                function(*args, **kwargs)
            return
        for args, kwargs in self._ready:
            function(*args, **kwargs)

    def once(self) -> Any:
        """The result of one call."""
        args, kwargs = self._made()
        result = self.function(*args, **kwargs)
        if self.teardown is not None:
            self.teardown(*args, **kwargs)
        return result

    def _made(self) -> Arguments:
        return (self.setup() or self.arguments) if self.setup is not None else self.arguments


@contextlib.contextmanager
def intercepted(on_benchmark: OnBenchmark) -> Iterator[None]:
    """Hands over each test's target first; then one round is timed as ever, so that the test finds its result and statistics."""
    from pytest_benchmark.fixture import BenchmarkFixture  # a user's package, which ours does not need otherwise

    fixture: Any = BenchmarkFixture
    raw, pedantic = fixture._raw, fixture._raw_pedantic

    def ours(self: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        on_benchmark(self.fullname, Target(function=function, arguments=(args, kwargs)))
        return pedantic(self, function, args=args, kwargs=kwargs)

    def our_pedantic(self: Any, target: Callable[..., Any], args: Any = (), kwargs: Any = None, **rest: Any) -> Any:
        setup, teardown = rest.get("setup"), rest.get("teardown")
        made = Target(function=target, arguments=(tuple(args), kwargs or {}), setup=setup, teardown=teardown)
        on_benchmark(self.fullname, made)
        kept = {key: value for key, value in (("setup", setup), ("teardown", teardown)) if value is not None}
        return pedantic(self, target, args=args, kwargs=kwargs, **kept)

    fixture._raw, fixture._raw_pedantic = ours, our_pedantic
    try:
        yield
    finally:
        fixture._raw, fixture._raw_pedantic = raw, pedantic
