"""Plans are pure: the same suite, machine and rows give the same jobs, skips and reasons."""

import dataclasses
from typing import Any

import pytest

from lambdabench import plan
from lambdabench.core.errors import DeviceError
from lambdabench.core.spec import ALL, Case, Cell, Device, Environment, Machine, ModelFacts, Sampling, Suite, halves
from lambdabench.plan import Done, Request

CPU = Device(name="cpu", title="a cpu", memory_bytes=2**34, backends=("torch_eager",), gemm_flop_per_s=1e11)
GPU = Device(name="cuda:0", title="a gpu", memory_bytes=2**36, backends=("torch_eager",), gemm_flop_per_s=1e13)
FACTS = {
    name: ModelFacts(
        name=name, family="f", native_px=256, parameters=10**7, flops_per_image=4e9, activations_per_image=1e7
    )
    for name in "abc"
}


def machine(environment: Environment, *devices: Device) -> Machine:
    return Machine(devices=devices or (CPU,), environment=environment, missing=(("jax_jit", "pip install jax"),))


def suite_of(*cases: Case, **changes: Any) -> Suite:
    cells = tuple(Cell(case=case, grid="grid[0]") for case in cases)
    return Suite(**({"name": "s", "cells": cells, "metrics": ("latency",)} | changes))


def make(suite: Suite, here: Machine, done: dict[tuple[str, int], Done] | None = None, **request: Any) -> Any:
    return plan.make(suite, here, FACTS, done or {}, Request(**request))


def test_cases_are_resolved(environment: Environment) -> None:
    (job,) = make(suite_of(Case(model="a", mode="train", dtype="bfloat16")), machine(environment, GPU, CPU)).jobs
    assert (job.case.device, job.case.image_px, job.case.threads, job.case.param_dtype) == ("cuda:0", 256, 2, "float32")


def test_all_devices_are_those_of_one_kind_that_the_backend_spreads_a_case_over(environment: Environment) -> None:
    chips = [
        Device(name=f"tpu:{index}", title="a chip", memory_bytes=1, backends=("jax_jit",), sharding=("jax_jit",))
        for index in range(4)
    ]
    here = machine(environment, *chips, CPU)
    asked = Case(model="a", devices=ALL)
    jax = dataclasses.replace(asked, backend="jax_jit")
    later = dataclasses.replace(jax, device="tpu:1")
    (spread,) = make(suite_of(jax), here).jobs
    assert (spread.case.device, spread.case.devices) == ("tpu:0", 4)
    assert make(suite_of(later), here).jobs[0].case.devices == 3
    assert make(suite_of(asked), here).jobs[0].case.devices == 1
    four = make(suite_of(dataclasses.replace(jax, devices=4)), here).jobs[0]
    assert four.case_id == spread.case_id
    (skip,) = make(suite_of(jax), machine(environment)).skips
    assert skip.case.devices == 1


@pytest.mark.parametrize(("devices", "batch_size"), [(8, 1024), (6, 1008), (7, 1008), (5, 1000), (3, 1008)])
def test_a_batch_over_all_devices_is_what_these_can_share(
    devices: int, batch_size: int, environment: Environment
) -> None:
    """Where 1024 images were refused on six chips; what was asked for is beside it, and halving goes on."""
    chips = [
        Device(name=f"tpu:{index}", title="a chip", memory_bytes=1, backends=("jax_jit",), sharding=("jax_jit",))
        for index in range(devices)
    ]
    asked = Case(model="a", backend="jax_jit", devices=ALL, batch_size=1024)
    (job,) = make(suite_of(asked), machine(environment, *chips)).jobs
    assert (job.case.batch_size, job.case.devices, job.requested_batch_size) == (batch_size, devices, 1024)
    assert halves(job.case)
    assert halves(plan.halved(job, {}).case)
    left_out = Cell(case=asked, grid="g", exclude=((("batch_size", "1024"),),))
    assert make(suite_of(cells=(left_out,)), machine(environment, *chips)).jobs == ()
    exact = dataclasses.replace(asked, devices=devices)
    assert make(suite_of(exact), machine(environment, *chips)).jobs[0].case.batch_size == 1024


def test_an_absent_device_is_an_error_when_asked_for_and_a_row_when_a_suite_names_it(environment: Environment) -> None:
    suite = suite_of(Case(model="a", device="tpu"))
    with pytest.raises(DeviceError, match=r"device tpu is not here for backend torch_eager; here: cpu \(a cpu\)"):
        make(suite, machine(environment), device_asked=True)
    (skip,) = make(suite, machine(environment)).skips
    assert skip.status == "skipped"
    assert "here: cpu" in skip.reason
    (skip,) = make(suite_of(Case(model="a", backend="jax_jit")), machine(environment)).skips
    assert "pip install jax" in skip.reason


def test_none_of_the_preferred_devices_is_said_loudly_and_takes_the_fallback_budget(environment: Environment) -> None:
    cell = Cell(case=Case(model="a"), grid="g", prefer=("tpu", "cuda"))
    item = make(suite_of(cells=(cell,), fallback_budget_s=100), machine(environment))
    assert item.fallback.startswith("no cuda or tpu here: measuring on cpu")
    assert make(suite_of(cells=(cell,)), machine(environment, CPU, GPU)).jobs[0].case.device == "cuda:0"


def test_settled_answers_are_kept_others_run_again(environment: Environment) -> None:
    suite, here = suite_of(Case(model="a")), machine(environment)
    identity = make(suite, here).jobs[0].case_id
    for done, again in [
        (Done(status="ok"), False),
        (Done(status="ok", visits=3, unfinished=True), True),
        (Done(status="oom"), False),
        (Done(status="oom", crowded=True), True),
        (Done(status="unsupported"), False),
        (Done(status="crash"), True),
        (Done(status="noisy"), True),
        (Done(status="ok", metrics=frozenset({"parameters"})), True),
    ]:
        item = make(suite, here, {(identity, 0): done})
        assert bool(item.jobs) == again, done
        assert bool(item.kept) != again
    assert make(suite, here, {(identity, 0): Done(status="ok")}, fresh=True).jobs


def test_a_case_goes_on_where_its_visits_ended_in_fresh_processes(environment: Environment) -> None:
    suite, here = (
        suite_of(Case(model="a"), sampling=Sampling(rounds=9, processes=3, case_budget_s=9.0)),
        machine(environment),
    )
    (whole,) = make(suite, here).jobs
    assert (whole.replicate, whole.sampling.rounds, whole.sampling.processes) == (0, 9, 3)
    done = {(whole.case_id, 0): Done(status="ok", visits=3, unfinished=True)}
    done[whole.case_id, 1] = Done(status="ok", visits=2, unfinished=True)
    (rest,) = make(suite, here, done).jobs
    assert (rest.replicate, rest.job_id) == (2, f"{whole.case_id}-2")
    assert (rest.sampling.rounds, rest.sampling.processes, rest.sampling.case_budget_s) == (4, 3, 4.0)
    done[whole.case_id, 1] = Done(status="crash", visits=2)
    (again,) = make(suite, here, done).jobs
    assert (again.replicate, again.sampling.rounds) == (0, 9), "what failed is measured anew, and replaced"


def test_a_case_that_compiles_for_long_has_one_process(environment: Environment) -> None:
    suite = suite_of(Case(model="a"))
    assert make(suite, machine(environment)).jobs[0].sampling.processes == 3
    (job,) = make(suite, machine(environment), compiling=("torch_eager",)).jobs
    assert (job.sampling.processes, job.sampling.rounds) == (1, 9)


def test_the_reference_is_named_where_a_case_is_it(environment: Environment) -> None:
    cases = [Case(model="a"), Case(model="b", batch_size=4), Case(model="b")]
    item = make(suite_of(*cases, reference=(("model", "b"),)), machine(environment))
    assert item.reference == item.jobs[1].case_id
    assert make(suite_of(*cases), machine(environment)).reference == ""


def test_the_reference_is_visited_again_beside_a_case_that_comes_in_later(environment: Environment) -> None:
    """Ratios are taken within rounds."""
    here = machine(environment)
    before = suite_of(Case(model="a"), Case(model="a", batch_size=8), reference=(("model", "a"),))
    first = make(before, here).jobs
    done = {
        (item.case_id, number): Done(status="ok", visits=3, unfinished=False) for item in first for number in range(3)
    }
    assert make(before, here, done).jobs == ()
    result = make(dataclasses.replace(before, cells=(*before.cells, *suite_of(Case(model="b")).cells)), here, done)
    items = [(job.case.model, job.case.batch_size, job.replicate, job.sampling.rounds) for job in result.jobs]
    assert items == [("b", 1, 0, 9), ("a", 1, 3, 9)]
    assert result.reference == result.jobs[1].case_id
    assert result.kept == (first[1].case_id,), "that of another batch stays"


def test_with_patience_what_is_there_may_be_visited_further(environment: Environment) -> None:
    here = machine(environment)
    suite = suite_of(Case(model="a"), Case(model="b"), Case(model="c"))
    first = make(suite, here).jobs
    done = {(item.case_id, number): Done(status="ok", visits=3) for item in first[:2] for number in range(3)}
    done[first[1].case_id, 0] = Done(status="oom")
    result = make(suite, here, done, patient=True)
    assert [job.case.model for job in result.jobs] == ["c"]
    assert [(item.case.model, item.replicate, item.sampling.rounds) for item in result.more] == [("a", 3, 9)]
    assert len(result.kept) == 2
    assert make(suite, here, done).more == ()


def test_no_time_is_a_budget_too(environment: Environment) -> None:
    item = make(suite_of(Case(model="a"), Case(model="b")), machine(environment), budget_s=0.0)
    assert (item.budget_s, len(item.jobs)) == (0.0, 1)


def test_a_budget_takes_fewer_processes_before_it_leaves_a_case_out(environment: Environment) -> None:
    suite = suite_of(*(Case(model=name) for name in "abc"))
    whole = make(suite, machine(environment), forking=("torch_eager",))
    assert [job.sampling.processes for job in whole.jobs] == [3, 3, 3]
    least_s = {k: sum(k * job.open_s + 3 * job.visit_s for job in whole.jobs) for k in (1, 2, 3)}
    for processes, more in ((3, 0.1), (2, 0.1), (1, 0.1)):
        item = make(suite, machine(environment), forking=("torch_eager",), budget_s=least_s[processes] + more)
        assert [job.sampling.processes for job in item.jobs] == [processes] * 3
        assert not item.skips


def test_a_budget_takes_the_reference_then_every_model_once_and_names_what_it_leaves_out(
    environment: Environment,
) -> None:
    cases = [Case(model=name, batch_size=size) for name in "abc" for size in (1, 2, 3)]
    suite = suite_of(*cases, reference=(("model", "c"),))
    whole = make(suite, machine(environment))
    one_s = max(job.open_s + 3 * job.visit_s for job in whole.jobs)
    item = make(suite, machine(environment), budget_s=5.5 * one_s)
    assert {(job.case.model, job.case.batch_size) for job in item.jobs} >= {("a", 1), ("b", 1), ("c", 1)}
    assert len(item.jobs) + len(item.skips) == 9
    assert all("larger --budget" in skip.reason for skip in item.skips)
    assert item.left_out_s > 0


def test_excluded_cells_leave_no_row(environment: Environment) -> None:
    entry = (("model", "a*"), ("device", "cpu"))
    cells = (
        Cell(case=Case(model="a"), grid="g", exclude=(entry,)),
        Cell(case=Case(model="b"), grid="g", exclude=(entry,)),
    )
    item = make(suite_of(cells=cells), machine(environment))
    assert [job.case.model for job in item.jobs] == ["b"]
    assert not item.skips


def test_cases_that_are_equal_once_resolved_run_once(environment: Environment) -> None:
    suite = suite_of(Case(model="a"), Case(model="a", image_px=256), Case(model="a", device="cpu"))
    assert len(make(suite, machine(environment)).jobs) == 1


def test_a_quantile_takes_as_many_visits_as_its_bound_takes_calls(environment: Environment) -> None:
    here = machine(environment)
    usual, asked = (make(suite_of(Case(model="a"), sampling=Sampling(at=at)), here).jobs[0] for at in ("", "p95"))
    assert (usual.visits, asked.visits) == (9, 59)
    assert asked.calls >= 59
    assert asked.estimate_s > usual.estimate_s + 50 * asked.visit_s - 9 * usual.visit_s
    short = make(suite_of(Case(model="a"), sampling=Sampling(at="p99.9")), here).jobs[0]
    assert short.calls < 2995, "there is no time for so many, and the plan says so"


@pytest.mark.parametrize(
    ("done", "visits"),
    [
        (Done(status="ok", visits=9, at="", ess=200), 50),  # enough calls, of too few visits for bursts
        (Done(status="ok", visits=59, at="p95", ess=40), 19),
        (Done(status="ok", visits=59, at="p95", ess=80), 0),
        (Done(status="ok", visits=30, at="p99", ess=80), 0),  # all that there was time for
        (Done(status="ok", visits=30, at="p90", ess=80), 29),
        (Done(status="ok", visits=60, at="", ess=80), 0),
        (Done(status="oom"), 0),
    ],
)
def test_a_case_goes_on_as_long_as_its_quantile_has_no_bound(environment: Environment, done: Done, visits: int) -> None:
    suite, here = suite_of(Case(model="a"), sampling=Sampling(at="p95")), machine(environment)
    identity = make(suite, here).jobs[0].case_id
    item = make(suite, here, {(identity, 0): done})
    assert [job.sampling.tail_visits for job in item.jobs] == ([visits] if visits else [])
    assert bool(item.kept) != bool(visits)
    assert all(job.replicate == 1 for job in item.jobs)
