"""Of the processes that a cluster starts, one measures what no backend spreads over several; and on devices that nobody else has."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import lambdabench as lb
from lambdabench import commands, launch
from lambdabench.backends import fake
from lambdabench.cli.app import app
from lambdabench.conduct import placement
from lambdabench.core.errors import DeviceError
from lambdabench.core.hosts import Hosts, find_hosts
from lambdabench.core.spec import Case, Cell, Environment, Job, Machine, Sampling, Suite
from lambdabench.launch.probe import Found

MINE = """
schema = 1
metrics = ["latency"]
[defaults]
backend = "fake"
device = "fake"
[[grid]]
model = ["resnet18", "resnet34"]
"""


@pytest.fixture
def mine(away: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch) -> str:
    """A suite, on a machine that needs no probe."""
    here = Machine(devices=fake.find_devices(), environment=environment)
    result = Found(machine=here, names=(), facts={})
    monkeypatch.setattr(launch, "probe", lambda wishes, **_: result)
    monkeypatch.setattr(
        sys.modules[commands.run.__module__], "settled", lambda seen, devices: environment
    )  # its workers are on that machine too
    (away / "mine.toml").write_text(MINE)
    return "mine.toml"


@pytest.fixture
def task(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes this process one of four of a step, for a backend that does not spread."""
    monkeypatch.setattr(placement, "spreads", lambda wanted: False)

    def be(number: int) -> None:
        monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
        monkeypatch.setenv("SLURM_NTASKS", "4")
        monkeypatch.setenv("SLURM_PROCID", str(number))

    return be


def test_of_several_tasks_one_measures_and_the_others_end_at_once(
    task: Any, mine: str, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task(3)
    monkeypatch.setattr(sys.modules[commands.run.__module__], "prepare", lambda *_: pytest.fail("nothing is prepared"))
    result = CliRunner().invoke(app, ["run", "--suite", mine])
    assert (result.exit_code, result.output) == (
        0,
        "process 3 of 4 measures nothing: no backend of mine uses several processes, and process 0 measures all of it\n",
    )
    assert len(lb.run(mine)) == 0
    assert [path.name for path in away.iterdir()] == ["mine.toml"]


def test_the_task_that_measures_does_as_if_it_were_alone(task: Any, mine: str, away: Path) -> None:
    task(0)
    seen: list[Hosts] = []
    request = commands.RunRequest(suite=mine)
    result = commands.run(request, lambda step: seen.append(find_hosts()))
    assert dict(result.counts) == {"ok": 2}, [*result.cases["reason"]]
    assert set(seen) == {Hosts()}, "its workers meet nobody"
    assert find_hosts().count == 4, "and afterwards all is as it was"
    again = commands.prepare(request)
    assert (again.hosts, len(again.plan.kept)) == (Hosts(), 2), "it has the results, so it goes on where it stopped"


@pytest.mark.parametrize(
    ("backend", "together"), [("torch_eager", False), ("torch_compile", False), ("jax_jit", True), ("fake", True)]
)
def test_a_suite_is_measured_together_where_a_backend_of_it_spreads(backend: str, together: bool) -> None:
    cells = tuple(Cell(case=Case(model="a", backend=name), grid="g") for name in ("torch_eager", backend))
    wanted = Suite(name="s", cells=cells, metrics=())
    assert placement.spreads(wanted) == together
    assert bool(placement.idle(wanted, Hosts(process=1, count=2))) == (not together)
    assert placement.idle(wanted, Hosts(process=0, count=2)) == ""


def test_all_devices_of_the_jobs_are_held_by_the_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def job(device: str, devices: int = 1) -> Job:
        case = Case(model="a", device=device, devices=devices)
        return Job(job_id="j", case_id="c", case=case, metrics=(), sampling=Sampling())

    jobs = [job("cuda:1", 2), job("cpu"), job("cuda:1")]
    assert placement.devices_of(jobs) == ["cpu", "cuda:1", "cuda:2"]
    held: list[Any] = []
    monkeypatch.setattr(placement, "lease", SimpleNamespace(hold=lambda devices, on_wait: held.append(list(devices))))
    for process in (0, 1):
        placement.held(jobs, Hosts(process=process, count=2), print)
    assert held == [["cpu", "cuda:1", "cuda:2"], []]


def test_a_run_on_a_device_that_another_run_has_is_exit_2(
    mine: str, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(devices: Any, on_wait: Any) -> Any:
        on_wait("waiting for process 7")
        raise DeviceError("fake is measured on by process 7")

    monkeypatch.setattr(placement, "lease", SimpleNamespace(hold=refuse))
    result = CliRunner().invoke(app, ["run", "--suite", mine])
    assert isinstance(result.exception, DeviceError)
    assert result.stderr == "waiting for process 7\n"
    assert not list(away.glob("results/**/*.parquet"))
