"""A budget is planned anew after each job: what others left is used, what there is no time for is not begun; and a job's progress moves."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdabench import commands, launch, plan
from lambdabench.commands import rounds
from lambdabench.commands.rounds import Step
from lambdabench.core.record import Measurement, Outcome
from lambdabench.core.spec import Case, Cell, Device, Environment, Machine, ModelFacts, Plan, Sampling, Suite

CPU = Device(name="cpu", title="a cpu", memory_bytes=2**34, backends=("torch_eager",), gemm_flop_per_s=1e11)
FACTS = {name: ModelFacts(name=name, family="f", native_px=8, flops_per_image=4e9) for name in "abcr"}


class World:
    """A clock, and workers that take `seconds` a job of a model, of which their start is 4."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time_s, self.seconds, self.ran, self.workers = 0.0, dict.fromkeys("abcr", 10.0), list[str](), 0
        self.status: dict[str, Any] = {}
        monkeypatch.setattr(rounds.launch, "run", self.run)

    def clock(self) -> float:
        return self.time_s

    def run(self, jobs: Iterable[Any], **_: Any) -> Iterator[launch.Started | launch.Running | launch.Finished]:
        self.workers += 1
        for one in jobs:
            yield launch.Started(job=one)
            yield launch.Running(job=one, seconds=2.0)
            took_s = self.seconds[one.case.model]
            self.time_s += took_s
            self.ran.append(f"{one.case.model}{one.case.batch_size}")
            latency = (Measurement(metric="latency", unit="s/step", value=1.0),)
            outcome = Outcome(job_id=one.job_id, status=self.status.get(one.case.model, "ok"), measurements=latency)
            yield launch.Finished(job=one, outcome=outcome, seconds=took_s)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def make(environment: Environment) -> Callable[..., Plan]:
    """A plan of models a, b, c and the reference r, at two batches, of 6 s a job and 4 s a process."""

    def made(budget_s: float | None, batches: tuple[int, ...] = (1, 2)) -> Plan:
        cells = tuple(Cell(case=Case(model=name, batch_size=size), grid="g") for size in batches for name in "abcr")
        sampling = Sampling(case_budget_s=5.0, min_samples=1, warmup_calls=1)
        suite = Suite(name="s", cells=cells, metrics=("latency",), reference=(("model", "r"),), sampling=sampling)
        here = Machine(devices=(CPU,), environment=environment)
        return plan.make(suite, here, FACTS, {}, plan.Request(budget_s=budget_s))

    return made


def follow(planned: Plan, world: World) -> list[Step]:
    return list(rounds.follow(planned, {}, jobs_per_worker=9, clock=world.clock))


def ended(steps: list[Step]) -> dict[str, str]:
    return {
        f"{one.job.case.model}{one.job.case.batch_size}": one.outcome.status for one in steps if one.outcome is not None
    }


def test_what_jobs_leave_of_a_budget_is_used(make: Callable[..., Plan], world: World) -> None:
    world.seconds = dict.fromkeys("abcr", 2.0)
    planned = make(25.0)
    assert [one.case.model for one in planned.jobs] == ["r", planned.jobs[1].case.model]
    steps = follow(planned, world)
    assert len(world.ran) == 8
    assert world.ran[0] == "r1", "with which ratios can be had from the second one on"
    assert set(ended(steps).values()) == {"ok"}
    assert [one.total for one in steps][-1] == 8
    done = rounds.as_run(planned, steps)
    assert (len(done.jobs), done.skips, done.spare, done.left_out_s) == (8, (), (), 0.0)


def test_what_there_is_no_time_for_is_not_begun(make: Callable[..., Plan], world: World) -> None:
    world.seconds = dict.fromkeys("abcr", 30.0)
    planned = make(75.0)
    assert len(planned.jobs) > 3
    steps = follow(planned, world)
    assert (world.ran[0], len(world.ran)) == ("r1", 2)
    assert world.time_s == 60.0
    skipped = [one for one, status in ended(steps).items() if status == "skipped"]
    assert len(skipped) == len(planned.jobs) - 2, "those that were planned; the others have their row"
    reason = steps[-1].outcome.reason if steps[-1].outcome else ""
    assert "the budget of 75 s was spent before it began, or had no time left for the 6 s" in reason


def test_every_model_has_its_first_case_before_a_slow_ones_second(make: Callable[..., Plan], world: World) -> None:
    world.seconds["r"] = 22.0
    follow(make(70.0), world)
    assert {one[0] for one in world.ran} == set("abcr")
    assert "r2" not in world.ran


def test_a_process_goes_on_with_its_jobs_where_there_is_time(make: Callable[..., Plan], world: World) -> None:
    follow(make(1000.0), world)
    assert (len(world.ran), world.workers) == (8, 4)
    assert [world.ran[place][0] == world.ran[place + 1][0] for place in (0, 2, 4, 6)] == [True] * 4


def test_without_a_budget_the_plan_is_followed_as_it_is(make: Callable[..., Plan], world: World) -> None:
    planned = make(None)
    steps = follow(planned, world)
    assert world.ran == [f"{one.case.model}{one.case.batch_size}" for one in planned.jobs]
    assert world.workers == 1, "one iterator of workers, as launch has them"
    lefts = [one.left_s for one in steps]
    assert lefts == sorted(lefts, reverse=True)
    assert lefts[-1] == 0.0


def test_progress_moves_within_a_job(make: Callable[..., Plan], world: World) -> None:
    planned = make(None, (1,))
    begun, going, done = follow(planned, world)[:3]
    assert (begun.outcome, begun.seconds, going.outcome, going.seconds) == (None, 0.0, None, 2.0)
    assert begun.left_s - going.left_s == 2.0 > 0
    assert [one.share for one in (begun, going, done)] == [0.0, pytest.approx(2.0 / 6.0), 0.0]
    assert dataclasses.replace(going, seconds=600.0).share == rounds.MOST_SHARE
    assert (going.done, done.done) == (0, 1)


def test_half_a_batch_is_planned_with_the_rest(make: Callable[..., Plan], world: World) -> None:
    world.status = {"a": "oom"}
    planned = make(1000.0, (4,))
    planned = dataclasses.replace(planned, jobs=tuple(dataclasses.replace(one, fit="halve") for one in planned.jobs))
    steps = follow(planned, world)
    assert sorted(one for one in world.ran if one[0] == "a") == ["a1", "a2", "a4"]
    assert len(ended(steps)) == 6


SLOW = """
schema = 1
metrics = ["latency"]
[sampling]
case_budget_s = 60
[defaults]
backend = "fake"
device = "fake"
[[grid]]
model = ["resnet18", "resnet34", "resnet50"]
"""


def test_a_case_that_the_budget_takes_in_after_all_has_one_row_and_is_in_the_count(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Estimates of a minute a case, which take no time at all."""
    from lambdabench.backends import fake
    from lambdabench.launch.probe import Found

    here = Machine(devices=fake.find_devices(), environment=environment)
    monkeypatch.setattr(commands.measuring.launch, "probe", lambda *_, **__: Found(machine=here, names=(), facts={}))
    monkeypatch.setattr(rounds.launch, "run", _at_once)
    (tmp_path / "slow.toml").write_text(SLOW)
    result = commands.run(
        commands.RunRequest(
            suite=str(tmp_path / "slow.toml"), results=tmp_path / "r", reports=tmp_path / "p", budget_s=70.0
        )
    )
    assert dict(result.counts) == {"ok": 3}
    assert len(result.rows) == 3
    planned = result.prepared.plan
    assert (len(planned.jobs), planned.skips, planned.left_out_s) == (3, (), 0.0)


def _at_once(jobs: Iterable[Any], **_: Any) -> Iterator[launch.Finished]:
    for one in jobs:
        latency = Measurement(metric="latency", unit="s/step", value=1.0)
        yield launch.Finished(
            job=one, outcome=Outcome(job_id=one.job_id, status="ok", started_at="2026-01-01", measurements=(latency,)), seconds=1.0
        )  # fmt: skip
