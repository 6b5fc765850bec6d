"""What two networks took tells time and memory of others; what a run took corrects it; a budget is the whole time."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lambdabench import plan
from lambdabench.cli.app import app
from lambdabench.conduct import calibration
from lambdabench.conduct.calibration import NETWORKS, Taken, corrected, rates_of
from lambdabench.core.record import Measurement, Outcome
from lambdabench.core.spec import Case, Cell, Device, Environment, Job, Machine, ModelFacts, Rates, Sampling, Suite
from lambdabench.plan import estimates
from lambdabench.worker.open_cases import BLOCK_S

CASE = Case(model="", backend="torch_eager", device="cpu", mode="train", image_px=224, threads=2, param_dtype="float32")
CPU = Device(name="cpu", title="a cpu", memory_bytes=2**34, backends=("torch_eager",), gemm_flop_per_s=1e11)


def facts(name: str, flops: float, written: float) -> ModelFacts:
    return ModelFacts(
        name=name, family="f", native_px=224, parameters=10**6, flops_per_image=flops, activations_per_image=written
    )


def taken(name: str, flops: float, written: float, element_bytes: float) -> Taken:
    """A network on a machine of 1e-10 s a FLOP and 1e-8 s an element."""
    model_facts = facts(name, flops, written)
    peak_bytes = plan.kept_bytes(CASE, model_facts) + written * element_bytes
    return Taken(facts=model_facts, step_s=1e-10 * flops + 1e-8 * written, compile_s=6.0, peak_bytes=peak_bytes)


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


RATES = Rates(
    backend="torch_eager", device="cpu", mode="train", dtype="float32", flop_s=((1e-3, 2.6e-10), (9e-3, 1e-10))
)
KNOWN = {
    NETWORKS[0]: facts(NETWORKS[0], 8e9, 8e6),
    NETWORKS[1]: facts(NETWORKS[1], 8e8, 7.2e6),
    "a": facts("a", 1e9, 1e6),
    "b": facts("b", 1e9, 9e6),
}


def test_a_run_corrects_the_rates_that_its_networks_are_near_to() -> None:
    fast = Taken(facts=KNOWN["a"], step_s=1e-11 * 1e9)
    rates = corrected(RATES, [fast, fast, dataclasses.replace(fast, step_s=1.0)])
    assert rates.flop_s == (pytest.approx((1e-3, 1e-11)), (9e-3, 1e-10)), (
        "the median of three; none was near to the other"
    )
    again = corrected(rates, [Taken(facts=KNOWN["b"], step_s=2e-10 * 1e9)])
    assert again.flop_s == (pytest.approx((1e-3, 1e-11)), pytest.approx((9e-3, 2e-10)))


def job(model: str, batch_size: int = 1, **changes: Any) -> Job:
    case = dataclasses.replace(CASE, model=model, batch_size=batch_size, **changes)
    name = f"{model}-{batch_size}"
    return Job(job_id=name, case_id=name, case=case, metrics=("latency",), sampling=Sampling(), estimate_s=5.0)


def outcome(latency_s: float, status: Any = "ok", flags: tuple[str, ...] = ()) -> Outcome:
    latency = Measurement(metric="latency", unit="s/step", value=latency_s)
    return Outcome(job_id="", status=status, flags=flags, measurements=(latency,))


@pytest.fixture
def here(environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that remembers nothing yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return Machine(devices=(CPU,), environment=environment, missing=())


def measuring(monkeypatch: pytest.MonkeyPatch, result: Outcome) -> list[str]:
    """The models that are run from now on, each with this outcome."""
    ran: list[str] = []

    def measure(item: Job) -> Outcome:
        ran.append(item.case.model)
        return result

    monkeypatch.setattr(calibration, "_outcome", measure)
    return ran


def calibrate(here: Machine, **changes: Any) -> tuple[Rates, ...]:
    calibration.calibrate([job("a")], here, KNOWN, "f00", on_wait=lambda text: None, **changes)
    return calibration.stored([job("a")], here, "f00")


@pytest.mark.parametrize("bad", [outcome(1.0, "noisy"), outcome(1.0, flags=("not_steady",)), outcome(1.0, "oom")])
def test_what_a_busy_machine_took_is_not_kept(here: Machine, monkeypatch: pytest.MonkeyPatch, bad: Outcome) -> None:
    ran = measuring(monkeypatch, bad)
    assert calibrate(here) == ()
    assert ran == list(NETWORKS[:1]), "the other one would not do alone"
    ran = measuring(monkeypatch, outcome(0.5, flags=("capped",)))
    (rates,) = calibrate(here)
    assert ran == list(NETWORKS)
    assert rates.flop_s == (pytest.approx((1e-3, 0.5 / 8e9)), pytest.approx((9e-3, 0.5 / 8e8)))


def test_rates_are_measured_once_and_again_when_they_are_old_or_all_is(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = measuring(monkeypatch, outcome(0.5))
    calibrate(here)
    calibrate(here)
    assert len(ran) == 2
    calibrate(here, anew=True)
    assert len(ran) == 4
    (path,) = calibration._home().iterdir()  # pyright: ignore[reportPrivateUsage]
    old_s = path.stat().st_mtime - calibration.EXPIRES_S - 1
    os.utime(path, (old_s, old_s))
    assert len(calibration.stored([job("a")], here, "f00")) == 1, "better than none"
    calibrate(here)
    assert len(ran) == 6


@pytest.mark.parametrize("content", ["", "{", "[]", '{"backend": "fake", "device": "cpu"}', "cut"])
def test_damaged_rates_are_measured_anew(here: Machine, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    ran = measuring(monkeypatch, outcome(0.5))
    known = calibrate(here)
    (path,) = calibration._home().iterdir()  # pyright: ignore[reportPrivateUsage]
    path.write_text(path.read_text()[:-9] if content == "cut" else content)
    assert calibration.stored([job("a")], here, "f00") == ()
    calibration.correct([(job("a", 4), outcome(0.5))], here, KNOWN, "f00")
    assert calibrate(here) == known
    assert len(ran) == 4


def test_rates_that_are_no_numbers_are_none(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    measuring(monkeypatch, outcome(0.5))
    (rates,) = calibrate(here)
    (path,) = calibration._home().iterdir()  # pyright: ignore[reportPrivateUsage]
    path.write_text(path.read_text().replace(str(rates.flop_s[0][1]), "NaN"))
    assert calibration.stored([job("a")], here, "f00") == ()


def test_a_budget_with_no_time_for_a_calibration_has_none(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = measuring(monkeypatch, outcome(0.5))
    assert calibrate(here, most_s=calibration.COST_S - 1) == ()
    assert ran == []


def test_compiling_is_of_what_a_calibration_takes(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """60 s of a budget of four minutes are not enough for two networks that compile for a minute."""
    ran = measuring(monkeypatch, outcome(0.5))
    compiling = dataclasses.replace(here, devices=(dataclasses.replace(CPU, backends=("jax_jit",)),))
    facts = {name: dataclasses.replace(model_facts, operations=68) for name, model_facts in KNOWN.items()}
    asked = job("a", backend="jax_jit", mode="inference")
    for most_s, count in ((60.0, 0), (90.0, 2)):
        calibration.calibrate([asked], compiling, facts, "f00", on_wait=lambda text: None, most_s=most_s)
        assert len(ran) == count


def test_no_calibration_goes_on_beyond_its_share_of_the_budget(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    times = iter([0.0, 0.0, 0.0, 10.0, 37.0])

    def measure(item: Job) -> Outcome:
        limits.append(item.timeout_s)
        return outcome(0.5)

    monkeypatch.setattr(calibration, "_outcome", measure)
    calibration.calibrate(
        [job("a")], here, KNOWN, "f00", on_wait=lambda text: None, most_s=60.0, clock=lambda: next(times)
    )
    assert limits == [50.0, 23.0]


def test_what_was_measured_and_not_kept_serves_this_run(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    measuring(monkeypatch, outcome(0.5, "noisy"))
    said: list[str] = []
    (rough,) = calibration.calibrate([job("a")], here, KNOWN, "f00", on_wait=said.append)
    assert rough.flop_s == (pytest.approx((1e-3, 0.5 / 8e9)),)
    assert said[-1].endswith("; this run goes by what they took all the same")
    assert calibration.stored([job("a")], here, "f00") == ()
    measuring(monkeypatch, Outcome(job_id="", status="crash"))
    assert calibration.calibrate([job("a")], here, KNOWN, "f00", on_wait=said.append) == ()
    assert said[-1].endswith("or they failed")


def test_a_runs_own_times_replace_a_bad_calibration(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    took = [
        (job("a", 1), outcome(9.9)),  # its largest batch tells
        (job("a", 4), outcome(4e-11 * 1e9)),
        (job("b", 4), outcome(9.9, "noisy")),
        (job("b", 4, layout="channels_last"), outcome(9.9)),
        (job("b", 4, options=(("kernel", "einsum"),)), outcome(9.9)),
    ]
    calibration.correct(took, here, KNOWN, "f00")
    assert calibration.stored([job("a")], here, "f00") == (), "alone it has neither memory nor compiling"
    measuring(monkeypatch, outcome(2.08))
    (before,) = calibrate(here)
    (path,) = calibration._home().iterdir()  # pyright: ignore[reportPrivateUsage]
    os.utime(path, (1e9, 1e9))
    calibration.correct(took, here, KNOWN, "f00")
    (after,) = calibration.stored([job("a")], here, "f00")
    assert after.flop_s == (pytest.approx((1e-3, 1e-11)), before.flop_s[1])
    assert path.stat().st_mtime == 1e9


def test_compiling_is_estimated_by_what_a_run_saw(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not by two cores' seconds: a backend that is too slow to calibrate is known once it ran."""
    known = KNOWN | {"a": dataclasses.replace(KNOWN["a"], operations=50)}
    compiling = Measurement(metric="compile", unit="s", value=200.0)
    seen = dataclasses.replace(outcome(1e-2), measurements=(*outcome(1e-2).measurements, compiling))
    measuring(monkeypatch, outcome(2.08))
    (before,) = calibrate(here)
    asked = job("a", backend="torch_compile")
    calibration.correct([(asked, seen)], here, known, "f00")
    (after,) = calibration.stored([asked], here, "f00")
    assert (after.compiling, after.flop_s) == ((("torch_compile", 4.0),), before.flop_s)
    assert estimates.compile_s_of(asked.case, known["a"], after) == 200.0
    assert estimates.compile_s_of(asked.case, known["a"], before) == 50 * estimates.COMPILE_S_PER_OPERATION["train"]


@pytest.mark.parametrize("rates", [None, RATES])
def test_each_of_several_devices_does_its_share(rates: Rates | None) -> None:
    case = dataclasses.replace(CASE, model="a", batch_size=1024)
    item, eight = (
        estimates.step_s(dataclasses.replace(case, devices=devices), CPU, KNOWN["a"], rates) for devices in (1, 8)
    )
    assert item == pytest.approx(8 * eight)


def test_an_accelerators_visits_end_with_a_pipelined_block() -> None:
    gpu, cpu = (
        estimates.cost(dataclasses.replace(CASE, device=device), Sampling(), 0.01, 0.0, forks=True)
        for device in ("cuda:0", "cpu")
    )
    assert gpu.visit_s == pytest.approx(gpu.visits.visit_s + BLOCK_S)
    assert cpu.visit_s == cpu.visits.visit_s
    assert estimates.BLOCK_S == BLOCK_S


def test_an_accelerator_is_calibrated_by_a_batch_that_fills_it() -> None:
    kind = calibration._kind(dataclasses.replace(CASE, device="cuda:0"))  # pyright: ignore[reportPrivateUsage]
    (taken,) = calibration._taken(  # pyright: ignore[reportPrivateUsage]
        dataclasses.replace(kind, model="a"), outcome(0.64), KNOWN
    )
    assert (kind.batch_size, taken.step_s) == (32, pytest.approx(0.02))


def test_a_plan_has_what_is_left_of_the_budget(here: Machine) -> None:
    suite = Suite(name="s", cells=tuple(Cell(case=job(name).case, grid="g") for name in "ab"), metrics=("latency",))
    (item, other) = plan.make(suite, here, KNOWN, {}, plan.Request()).jobs
    least_s = sum(job.open_s + 3 * job.visit_s for job in (item, other))
    full = plan.make(suite, here, KNOWN, {}, plan.Request(budget_s=least_s + 1))
    assert len(full.jobs) == 2
    less = plan.make(suite, here, KNOWN, {}, plan.Request(budget_s=least_s + 1, spent_s=2))
    assert len(less.jobs) == 1
    assert f"budget of {least_s + 1:g} s" in less.skips[0].reason, "the one that was given"


def test_a_dry_run_measures_nothing_for_its_estimates(away: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_home", lambda: away / "rates")
    ran = measuring(monkeypatch, outcome(0.5))
    words = ["run", "--suite", "quickstart", "--models", "resnet50", "--budget", "10m", "--dry-run"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "without a calibration" in result.output
    assert ran == []
    assert not (away / "rates").exists()
