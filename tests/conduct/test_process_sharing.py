"""Which cases share a process."""

import sys

import pytest

from lambdabench.conduct.process_sharing import key_of
from lambdabench.core.spec import Case, Job, Sampling
from lambdabench.launch.workers import forks


def job(**changes: object) -> Job:
    case = Case(**({"model": "a", "device": "cpu", "threads": 1} | changes))  # pyright: ignore[reportArgumentType]
    return Job(job_id=f"{case}", case_id="c", case=case, metrics=("latency",), sampling=Sampling())


def processes(*cases: Job) -> int:
    return len({key_of(case)[1] for case in cases})


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDABENCH_ALONE", "1")


def test_what_forks_has_a_process_a_case_and_what_owns_a_device_one_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert processes(job(), job(batch_size=2)) == 2
    assert processes(job(backend="jax_jit", device="tpu:0"), job(backend="jax_jit", device="tpu:1", model="b")) == 1
    assert processes(job(backend="jax_jit"), job(backend="jax_jit", model="b")) == 2
    assert processes(job(backend="jax_jit"), job(backend="jax_jit", batch_size=2)) == 1


@pytest.mark.parametrize(("platform", "cheap"), [("linux", True), ("darwin", False), ("win32", False)])
def test_a_process_is_cheap_where_forks_are(platform: str, cheap: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert forks("torch_eager") is cheap
    assert not forks("jax_jit")
    assert processes(job(), job(batch_size=2)) == (2 if cheap else 1), "else the cases of a model share one"


def test_on_several_hosts_all_cases_of_jax_share_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAMBDABENCH_ALONE")
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "a:1")
    monkeypatch.setenv("JAX_PROCESS_ID", "1")
    monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
    cases = [job(backend="jax_jit", model=name, threads=threads) for name in "ab" for threads in (1, 2)]
    assert processes(*cases, job(backend="jax_jit", device="tpu:0")) == 1
    assert processes(job(), job(model="b")) == 2
