"""What `run` is told beside its suite."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Flags of the command line. Empty or None: not given. `models` are filtering globs, `at` is how it is measured; others replace an
    axis."""

    models: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    """In place of the suite's: names, and references to the user's own."""
    backend: tuple[str, ...] = ()
    device: str | None = None
    devices: int | str | None = None
    """A number, or "all"."""
    mode: tuple[str, ...] = ()
    batch_size: tuple[int, ...] = ()
    image_px: tuple[int | str, ...] = ()
    """Pixels a side, "native", "96x160", "1x96x160"."""
    dtype: tuple[str, ...] = ()
    layout: tuple[str, ...] = ()
    threads: int | None = None
    at: str | None = None
    """The quantile of latency that is to have an upper bound, "p95"."""
