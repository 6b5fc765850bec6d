"""Records and cases that several tests need."""

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdabench.core.record import Effective, Measurement, Noise, Record
from lambdabench.core.spec import Case, Environment

os.environ.pop("COLUMNS", None)  # what is printed is as wide as without a terminal; xdist tells its workers a width

os.environ.setdefault("PJRT_NPROC", "1")
"""JAX's CPU pool is made once a process: tests that share one agree on its size."""
os.environ.setdefault("LAMBDABENCH_LEASE", "off")
"""Tests run beside each other on one processor, and what they time is no number of anybody's."""
ENVIRONMENT = Environment(lambdabench="0.1.0+src.abc", cpu="a cpu", cpu_flags="avx2", cores=2, memory_gib=24)
CASE = Case(model="resnet50", device="cpu", image_px=224, threads=2, param_dtype="float32")


for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if (
        signal.getsignal(_number) is signal.SIG_IGN
    ):  # started by nohup, or in the background of a shell: children would inherit it
        signal.signal(_number, _handler)


SLOW = frozenset((Path(__file__).parent / "slow.txt").read_text(encoding="utf-8").split())
"""Tests that start processes, compile, train or draw much (.ci/slow_tests.py writes them)."""


@pytest.hookimpl(tryfirst=True)  # before -m picks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks slow ones: `-m "not slow"` leaves them out."""
    for item in items:
        if item.nodeid.partition("[")[0] in SLOW:
            item.add_marker("slow")


@pytest.fixture
def case() -> Case:
    """A resolved case."""
    return CASE


@pytest.fixture
def environment() -> Environment:
    return ENVIRONMENT


@pytest.fixture
def make_record() -> Callable[..., Record]:
    """A record of a metric; keywords replace fields of the record, or of its case."""

    def make(metric: str | None = "latency", value: float = 0.1, **changes: Any) -> Record:
        fields = {field.name for field in dataclasses.fields(Case)}
        case = dataclasses.replace(CASE, **{key: item for key, item in changes.items() if key in fields})
        rest = {key: item for key, item in changes.items() if key not in fields}
        samples = tuple(value * (1 + 0.001 * number) for number in range(-4, 5))
        measurement = None
        if metric is not None:
            unit = {"latency": "s/step", "throughput": "image/s"}.get(metric, "B")
            measurement = Measurement(
                metric=metric, unit=unit, value=value, low=value * 0.99, high=value * 1.01, samples=samples
            )
        known: dict[str, Any] = {
            "run_id": "run1",
            "started_at": "2026-01-01T00:00:00.000+00:00",
            "suite": "s",
            "case_id": f"{case.model}-{case.batch_size}",
            "fingerprint": "f00",
            "replicate": 0,
            "weights": "random",
            "requested_batch_size": case.batch_size,
            "device_name": "a cpu",
            "status": "ok",
            "flags": "",
            "reason": "",
        }
        return Record(
            **(known | rest),
            case=case,
            measurement=measurement,
            effective=Effective(),
            environment=ENVIRONMENT,
            noise=Noise(),
        )

    return make


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with a probe cache of its own that the whole session shares."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
