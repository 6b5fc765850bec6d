"""What `run` is told beside its suite."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.spec import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Flags of the command line; empty or None: not given. `models` are filtering globs, `at` is how it is measured."""

    models: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    """In place of the suite's: names, and references to the user's own."""
    axes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict[str, tuple[Any, ...]])
    """In place of the suite's: values of a field of a case, by its name; those of image_px are pixels a side, "native", "96x160" or
    "1x96x160", that of devices a number or "all"."""
    options: Mapping[str, tuple[Value, ...]] = field(default_factory=dict[str, tuple[Value, ...]])
    """In place of the suite's: values of an option of networks or runtimes, by its name."""
    at: str | None = None
    """The quantile of latency that is to have an upper bound, "p95"."""
    loads: tuple[str, ...] = ()
    """Loads under which requests arrive, as `core.loads` has them."""
