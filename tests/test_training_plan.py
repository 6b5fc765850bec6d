"""Plans of networks that are trained: how often, what that takes, and never again where the accuracy is there."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from lambdabench import models, plan
from lambdabench.core.record import TRAINED
from lambdabench.core.spec import Case, Cell, Device, Environment, Machine, ModelFacts, Sampling, Suite
from lambdabench.plan import Done, Request

CPU = Device(name="cpu", title="a cpu", memory_bytes=2**34, backends=("torch_eager",), gemm_flop_per_s=1e11)
LEARNER, OTHER = "digits_lambda_s", "resnet50"
FACTS = {
    name: ModelFacts(name=name, family="f", native_px=8, parameters=10**4, flops_per_image=1e6, operations=20)
    for name in (LEARNER, OTHER)
}
METRICS = ("top1", "throughput")
REST = frozenset({"throughput"})


def planned(
    environment: Environment,
    done: Mapping[tuple[str, int], Done] | None = None,
    models_: Any = (LEARNER,),
    **request: Any,
) -> plan.Plan:
    cells = tuple(Cell(case=Case(model=item, batch_size=64), grid="grid[0]") for item in models_)
    suite = Suite(name="s", cells=cells, metrics=METRICS, sampling=Sampling(seeds=4))
    here = Machine(devices=(CPU,), environment=environment)
    return plan.make(suite, here, FACTS, done or {}, Request(recipes=models.recipes(), **request))


def test_a_network_with_a_recipe_is_trained_and_its_visits_are_not_asked_for_its_accuracy(
    environment: Environment,
) -> None:
    learner, other = planned(environment, models_=(LEARNER, OTHER)).jobs
    assert (learner.seeds, learner.metrics) == (4, ("throughput",))
    assert (other.seeds, other.metrics, other.train_s) == (0, METRICS, 0.0)
    recipe = models.recipes()[LEARNER]
    images = recipe.steps * recipe.batch_size
    assert learner.train_s >= 4 * 3 * images * 1e6 / 1e11
    assert learner.estimate_s is not None
    assert other.estimate_s is not None
    assert learner.estimate_s >= learner.train_s + 1


def test_what_was_trained_is_not_trained_again_and_begins_with_its_first_process(environment: Environment) -> None:
    (first,) = planned(environment).jobs
    trained = {(first.case_id, TRAINED): Done(status="ok", metrics=frozenset({"top1"}))}
    (job,) = planned(environment, trained).jobs
    assert (job.seeds, job.replicate, job.train_s) == (0, 0, 0.0)
    assert job.sampling.rounds == first.sampling.rounds


def test_one_that_was_trained_and_visited_in_part_goes_on_and_one_that_is_done_is_kept(
    environment: Environment,
) -> None:
    (first,) = planned(environment).jobs
    trained = {(first.case_id, TRAINED): Done(status="ok", metrics=frozenset({"top1"}))}
    visited = Done(status="ok", visits=3, unfinished=True, metrics=REST)
    (job,) = planned(environment, trained | {(first.case_id, 0): visited}).jobs
    assert (job.seeds, job.replicate, job.sampling.rounds) == (0, 1, first.sampling.rounds - 3)
    whole = trained | {(first.case_id, 0): dataclasses.replace(visited, visits=9, unfinished=False)}
    result = planned(environment, whole, patient=True)
    assert (result.jobs, result.kept) == ((), (first.case_id,))
    assert [job.seeds for job in result.more] == [0]
    assert planned(environment, whole, fresh=True).jobs[0].seeds == 4


def test_one_that_failed_in_training_is_trained_again(environment: Environment) -> None:
    (first,) = planned(environment).jobs
    (job,) = planned(environment, {(first.case_id, TRAINED): Done(status="crash", metrics=frozenset({"top1"}))}).jobs
    assert job.seeds == 4


def test_a_budget_that_training_would_use_up_leaves_the_case_out(environment: Environment) -> None:
    whole = planned(environment, models_=(LEARNER, OTHER))
    learner, other = whole.jobs
    without_s = 3 * (learner.open_s + other.open_s) + 3 * (learner.visit_s + other.visit_s)
    assert learner.train_s > 1.0
    short = planned(environment, models_=(LEARNER, OTHER), budget_s=without_s / 3)
    assert {job.case.model for job in short.jobs} == {OTHER}
    assert {skip.case.model for skip in short.skips} == {LEARNER}
