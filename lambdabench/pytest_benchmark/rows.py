"""pytest-benchmark's results as rows: of a run that ends here and now, or of another, by what is told of it."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import store
from ..analysis.estimate import median, median_interval
from ..core.identity import case_id, fingerprint
from ..core.record import Effective, Measurement, Noise, Record, order_at
from ..core.spec import Case, Environment, options_from
from ..machine import quiet
from ..worker.probe import find_environment

SUITE = "pytest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One benchmark: its full name, seconds a call of each round, calls a round; why it failed, or was expected to, where it did."""

    name: str
    seconds: tuple[float, ...] = ()
    iterations: int = 1
    group: str = ""
    reason: str = ""
    expected: bool = False
    median_s: float | None = None
    """Where the rounds themselves were not kept, which number `rounds`, with `iqr_s` between their quartiles."""
    iqr_s: float | None = None
    rounds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """Where and when benchmarks ran, and what says so."""

    environment: Environment
    at: datetime
    noise: Noise = Noise()  # noqa: RUF009 (frozen, and empty)
    origin: str = "pytest-benchmark"
    order: int = 0
    """The least of its rows' `run_order`; of what ran elsewhere, or earlier, its time alone tells what it is newer than."""
    mark: str
    """What tells it from other runs of that second; the same for the same file, which is one run however often it is imported."""


def record(timed: Sequence[Timed], results: Path, ran: Ran | None = None) -> Path:
    """Writes one run's rows under `results`, a row a benchmark; returns the file. Without `ran` it ran here, and ends now."""
    ran = ran or Ran(
        environment=find_environment(()),
        at=datetime.now(UTC),
        noise=Noise(load1=quiet.load1()),
        mark=secrets.token_hex(2),
        order=store.next_order(results),
    )
    path = place(results, ran)
    store.write([_row(item, path.stem, ran) for item in timed], path)
    return path


def place(results: Path, ran: Ran) -> Path:
    """The file of a run's rows, whether or not it is there already."""
    return store.run_path(results, SUITE, f"{ran.at:%Y%m%dT%H%M%SZ}-{ran.mark}")


def _row(timed: Timed, run_id: str, ran: Ran) -> Record:
    case = Case(
        model=timed.name,
        kind="test",
        backend="pytest",
        device="cpu",
        image_px=0,
        threads=ran.environment.cores,
        param_dtype="",
        options=options_from({"group": timed.group} if timed.group else {}),
    )
    started_at = ran.at.isoformat(timespec="milliseconds")
    return Record(
        run_id=run_id,
        started_at=started_at,
        run_order=order_at(started_at, ran.order),
        suite=SUITE,
        case_id=case_id(case),
        fingerprint=fingerprint(ran.environment),
        replicate=0,
        case=case,
        weights="none",
        requested_batch_size=None,
        device_name=ran.environment.cpu,
        status="ok" if not timed.reason else "skipped" if timed.expected else "crash",
        flags="",
        reason=timed.reason,
        measurement=None if timed.reason else _measurement(timed, ran.origin),
        effective=Effective(),
        environment=ran.environment,
        noise=ran.noise,
    )


def _measurement(timed: Timed, origin: str) -> Measurement:
    low, high = median_interval(timed.seconds) or (None, None)
    return Measurement(
        metric="latency",
        unit="s/step",
        value=median(timed.seconds) if timed.seconds else timed.median_s,
        low=low,
        high=high,
        samples=timed.seconds,
        loops_per_sample=timed.iterations,
        source=origin,
    )
