"""What two networks took tells time and memory of others."""

import pytest

from lambdabench import plan
from lambdabench.commands.calibrating import NETWORKS, Taken, rates_of
from lambdabench.core.spec import Case, Cell, Device, Environment, Machine, ModelFacts, Suite

CASE = Case(model="", backend="torch_eager", device="cpu", mode="train", image_px=224, threads=2, param_dtype="float32")
CPU = Device(name="cpu", title="a cpu", memory_bytes=2**34, backends=("torch_eager",), gemm_flop_per_s=1e11)


def facts(name: str, flops: float, written: float) -> ModelFacts:
    return ModelFacts(
        name=name, family="f", native_px=224, parameters=10**6, flops_per_image=flops, activations_per_image=written
    )


def taken(name: str, flops: float, written: float, element_bytes: float) -> Taken:
    """A network on a machine of 1e-10 s a FLOP and 1e-8 s an element."""
    one = facts(name, flops, written)
    peak_bytes = plan.kept_bytes(CASE, one) + written * element_bytes
    return Taken(facts=one, step_s=1e-10 * flops + 1e-8 * written, compile_s=6.0, peak_bytes=peak_bytes)


def test_rates_come_back_from_what_they_made() -> None:
    rates = rates_of([taken(NETWORKS[0], 8e9, 1e7, 8.0), taken(NETWORKS[1], 8e8, 7e6, 50.0)], CASE)
    assert rates is not None
    assert rates.flop_s == (pytest.approx((1e7 / 8e9, 9e-1 / 8e9)), pytest.approx((7e6 / 8e8, 1.5e-1 / 8e8)))
    assert rates.element_bytes == (pytest.approx((1e7 / 8e9, 8.0)), pytest.approx((7e6 / 8e8, 50.0)))
    assert rates_of([taken(NETWORKS[0], 8e9, 1e7, 8.0)], CASE) is None


@pytest.mark.parametrize(
    ("written", "element_bytes"),
    [(1e6, 10.0), (1e7, 10.0), (3e7, 30.0), (5e7, 50.0), (2e8, 50.0)],
    ids=["below", "first", "between", "second", "above"],
)
def test_memory_lies_between_the_networks_that_were_measured(
    written: float, element_bytes: float, environment: Environment
) -> None:
    rates = rates_of([taken(NETWORKS[0], 1e9, 1e7, 10.0), taken(NETWORKS[1], 1e9, 5e7, 50.0)], CASE)
    assert rates is not None
    asked = Case(model="a", backend="torch_eager", mode="train", image_px=224, batch_size=4)
    suite = Suite(name="s", cells=(Cell(case=asked, grid="grid[0]"),), metrics=("latency",))
    known = facts("a", 1e9, written)
    here = Machine(devices=(CPU,), environment=environment, missing=())
    (job,) = plan.make(suite, here, {"a": known}, {}, plan.Request(rates=(rates,))).jobs
    assert job.estimate_bytes == pytest.approx(plan.kept_bytes(job.case, known) + 4 * written * element_bytes)
    (rough,) = plan.make(suite, here, {"a": known}, {}, plan.Request()).jobs
    assert rough.estimate_bytes == pytest.approx(plan.kept_bytes(job.case, known) + 4 * written * 4)
