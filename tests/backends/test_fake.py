"""The scripted backend does what its options say, on a clock of its own."""

from typing import Any

import pytest

from lambdabench.backends import fake
from lambdabench.core.errors import MismatchError, OutOfMemoryError, UnsupportedError
from lambdabench.core.ports import Session
from lambdabench.core.spec import Case, options_from


def session(seed: int = 0, **options: Any) -> Session:
    case = Case(
        model="m", backend="fake", device="fake", batch_size=2, image_px=10, param_dtype="float32", threads=3,
        options=options_from(options),
    )  # fmt: skip
    return fake.open_session(None, case, seed)


def test_there_is_one_device_and_no_framework() -> None:
    (device,) = fake.find_devices()
    assert (device.name, device.kind, device.backends) == ("fake", "fake", ("fake",))
    assert fake.FRAMEWORK == ""


def test_clock_moves_by_the_scripted_times_only() -> None:
    item = session(latency_s=0.25, first_call_s=4.0, jitter=0.0)
    item.call()
    assert item.clock.now() == 4.0
    assert item.time_calls(3) == [0.25] * 3
    assert item.clock.now() == 4.75


def test_jitter_is_relative_and_repeats_with_its_seed() -> None:
    times = session(latency_s=1.0, jitter=0.1).time_calls(50)[1:]
    assert all(0.9 <= time <= 1.1 for time in times)
    assert len(set(times)) > 40
    assert session(latency_s=1.0, jitter=0.1).time_calls(50)[1:] == times
    assert session(seed=1, latency_s=1.0, jitter=0.1).time_calls(50)[1:] != times


def test_larger_batches_take_longer_unless_told_otherwise() -> None:
    assert session(jitter=0.0).time_calls(2)[1] == pytest.approx(0.02)


def test_counts_and_memory_are_the_options() -> None:
    item = session(memory_bytes=99, parameters=5, flops=6e6)
    assert item.meter is not None
    assert item.meter.measure(item.call) == (99.0, "output")
    assert (item.parameters(), item.parameter_bytes(), item.flops()) == (5, 20, 6e6)
    assert item.input_bytes() == 12 * 2 * 10**2


def test_settings_are_those_asked_for() -> None:
    effective = session().effective("output")
    assert (effective.mode, effective.device, effective.param_dtype, effective.threads, effective.batch_size) == (
        "inference", "fake", "float32", 3, 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fail", "error"), [("oom", OutOfMemoryError), ("unsupported", UnsupportedError), ("crash", RuntimeError)]
)
def test_failures_at_opening(fail: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="asked to"):
        session(fail=fail)


def test_failures_of_a_call() -> None:
    assert session(fail="wrong_output").check("output") == "asked for a wrong output"
    assert session().check("output") == ""
    with pytest.raises(MismatchError):
        session(fail="mismatch").effective("output")


def test_real_sleep_is_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(fake.time, "sleep", slept.append)
    session(sleep_s=0.5).call()
    session(fail="hang").call()
    assert slept[0] == 0.5
    assert max(slept) >= 3600
