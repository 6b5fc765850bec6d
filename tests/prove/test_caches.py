"""What emptied caches cost a step, derived from bytes and the rates of copies, on made-up seconds."""

import pytest

from lambdabench.conduct import Stop
from lambdabench.core.proof_protocol import Copied
from lambdabench.core.spec import Device, Environment, Machine
from lambdabench.prove import caches
from lambdabench.prove.caches import Step, compared
from lambdabench.prove.place import Place

COPIED = Copied(large_bytes=100, large_s=10.0, small_bytes=80, warm_s=2.0, cold_s=8.0)
"""Memory at 10 bytes a second, caches at 40."""


@pytest.mark.parametrize(
    ("moved_bytes", "warm_s", "predicted"),
    [
        (80, 2.0, 4.0),  # nothing but moving: the rates' ratio
        (80, 60.0, 1.1),  # six seconds more of sixty
        (0, 1.0, 1.0),
    ],
)
def test_bytes_come_at_memorys_rate_and_not_at_the_caches(moved_bytes: int, warm_s: float, predicted: float) -> None:
    step = Step(moved_bytes=moved_bytes, warm_s=warm_s, cold_s=predicted * warm_s)
    finding = compared("a step", step, COPIED)
    assert finding.predicted_value == pytest.approx(predicted)
    assert finding.verdict == "as predicted"


@pytest.mark.parametrize("cold_s", [3.9, 16.1])
def test_a_ratio_off_by_two_is_off(cold_s: float) -> None:
    assert compared("a step", Step(moved_bytes=80, warm_s=2.0, cold_s=cold_s), COPIED).verdict == "off"


def test_caches_no_quicker_than_memory_are_predicted_to_change_nothing() -> None:
    launched = Copied(large_bytes=100, large_s=1.0, small_bytes=80, warm_s=2.0, cold_s=2.0)
    assert compared("a step", Step(moved_bytes=80, warm_s=2.0, cold_s=2.0), launched).predicted_value == 1.0


def test_what_jax_alone_drives_is_not_asked() -> None:
    device = Device(name="tpu:0", title="TPU v5 lite", memory_bytes=2**34, backends=("jax_jit",))
    environment = Environment(lambdabench="0", cpu="EPYC", cpu_flags="avx2", cores=2, memory_gib=8, python="3.11")
    machine = Machine(devices=(device,), environment=environment)
    place = Place(device=device, backend="jax_jit", machine=machine, stop=Stop())
    assert [finding.verdict for finding in caches.emptied(place)] == ["not asked"]
