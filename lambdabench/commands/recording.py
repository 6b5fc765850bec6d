"""pytest-benchmark's results as rows: of a run that ends now, or of a JSON file that pytest-benchmark saved."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import store
from ..analysis.estimate import median, median_interval
from ..core.errors import LambdabenchError
from ..core.identity import case_id, fingerprint
from ..core.record import Effective, Measurement, Noise, Record
from ..core.spec import Case, Environment, options_from
from ..machine import quiet
from ..worker.probe import find_environment

SUITE = "pytest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One benchmark: its full name, seconds a call of each round, calls a round; why it failed where it did."""

    name: str
    seconds: tuple[float, ...] = ()
    iterations: int = 1
    group: str = ""
    reason: str = ""
    median_s: float | None = None
    """Where the rounds themselves were not kept."""


def record(timed: Sequence[Timed], results: Path, *, origin: str = "pytest-benchmark") -> Path:
    """Writes one run's rows under `results`, a row a benchmark; returns the file. Raises NothingMeasuredError for none."""
    environment = find_environment(())
    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    path = store.run_path(results, SUITE, run_id)
    shared = (run_id, now.isoformat(timespec="milliseconds"), environment, origin)
    store.write([_row(one, *shared) for one in timed], path)
    return path


def read_json(path: Path) -> tuple[Timed, ...]:
    """The benchmarks of a file by --benchmark-json or --benchmark-save. Raises LambdabenchError where it is something else."""
    try:
        found = json.loads(path.read_text())["benchmarks"]
        return tuple(_timed(one) for one in found)
    except OSError as error:
        raise LambdabenchError(f"{path} cannot be read: {error.strerror}") from error
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise LambdabenchError(f"{path} is no file of pytest-benchmark's: {type(error).__name__}: {error}") from error


def _timed(one: Mapping[str, Any]) -> Timed:
    stats = one["stats"]
    return Timed(
        name=one["fullname"],
        seconds=tuple(stats.get("data") or ()),
        iterations=int(stats.get("iterations", 1)),
        group=one.get("group") or "",
        median_s=float(stats["median"]),
    )


def _row(one: Timed, run_id: str, started_at: str, environment: Environment, origin: str) -> Record:
    case = Case(
        model=one.name,
        kind="test",
        backend="pytest",
        device="cpu",
        image_px=0,
        threads=environment.cores,
        param_dtype="",
        options=options_from({"group": one.group} if one.group else {}),
    )
    return Record(
        run_id=run_id,
        started_at=started_at,
        suite=SUITE,
        case_id=case_id(case),
        fingerprint=fingerprint(environment),
        replicate=0,
        case=case,
        weights="none",
        requested_batch_size=None,
        device_name=environment.cpu,
        status="crash" if one.reason else "ok",
        flags="",
        reason=one.reason,
        measurement=None if one.reason else _measurement(one, origin),
        effective=Effective(),
        environment=environment,
        noise=Noise(load1=quiet.load1()),
    )


def _measurement(one: Timed, origin: str) -> Measurement:
    low, high = median_interval(one.seconds) or (None, None)
    return Measurement(
        metric="latency",
        unit="s/step",
        value=median(one.seconds) if one.seconds else one.median_s,
        low=low,
        high=high,
        samples=one.seconds,
        loops_per_sample=one.iterations,
        source=origin,
    )
