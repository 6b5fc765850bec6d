"""Real turns of the doctor: what they are told to have shown, and why there are none."""

import signal
import time
from typing import Any

import numpy as np
import pytest

from lambdabench import suite
from lambdabench.conduct import Stop
from lambdabench.core.record import Noise
from lambdabench.doctor import trial_run, verdict
from lambdabench.machine import host, lease


def seen(ratio: float = 1.0, visit_sd: float = 0.01, process_sd: float = 0.0, noise: Noise = Noise()) -> Any:  # noqa: B008 (frozen)
    """Nine rounds in three processes; `ratio` is that of the two that are equal."""
    random, result = np.random.default_rng(1), trial_run._Seen()  # pyright: ignore[reportPrivateUsage]
    levels = {"one": 0.0, "again": float(np.log(ratio)), "other": -0.7}
    moved = {(name, process): random.normal(0, process_sd) for name in levels for process in range(3)}
    for round_ in range(9):
        for name, level in levels.items():
            value = level + moved[name, round_ // 3] + random.normal(0, visit_sd)
            result.visits.append(trial_run.Visit(case=name, round_=round_, process=round_ // 3, log_value=float(value)))
            result.noises.append(noise)
    return result


def told(item: Any) -> dict[str, Any]:
    wanted = suite.load("quickstart")
    return {diagnosis.topic: diagnosis for diagnosis in trial_run._told(item, wanted, "cpu", 18.2)}  # pyright: ignore[reportPrivateUsage]


def test_scripted_turns_go_through_the_conductor_of_runs_within_their_time() -> None:
    begun = time.monotonic()
    diagnoses = {diagnosis.topic: diagnosis for diagnosis in trial_run.measured(Stop(), device="fake", backend="fake")}
    assert time.monotonic() - begun < trial_run.PATIENCE * trial_run.LIMIT_S + 5
    assert diagnoses["turns"].text.startswith("27 visits in 9 processes on fake in ")
    assert diagnoses["ratios"].level == "ok"
    assert "in a run as long as quickstart (derived: visits of one process scatter by" in diagnoses["ratios"].text
    assert diagnoses["control"].text.endswith("one network against itself, which is 1")
    assert diagnoses["company"].text.startswith("while it was measured: ")


def test_a_spent_limit_and_a_signal_end_the_turns_with_what_there_is() -> None:
    assert (
        trial_run.measured(Stop(), device="fake", backend="fake", limit_s=0.0)[0].text == "ended before the first visit"
    )
    stop = Stop()
    stop.signal = signal.SIGINT
    (diagnosis,) = trial_run.measured(stop, device="fake", backend="fake")
    assert (diagnosis.level, diagnosis.text) == ("–", "ended before the first visit")


def test_a_quiet_machine_tells_small_ratios_and_a_loud_one_what_to_do() -> None:
    fine, wide = told(seen()), told(seen(visit_sd=0.1))
    assert fine["turns"].text == (
        "27 visits in 9 processes on cpu in 18 s: resnet18 twice, beside mobilenetv3_large_100"
    )
    assert (fine["ratios"].level, fine["control"].level, fine["company"].level) == ("ok", "ok", "ok")
    assert wide["ratios"].level == "warn"
    assert wide["ratios"].remedy.endswith("four times the rounds in [sampling] would halve it")
    unlike = told(seen(visit_sd=0.001, process_sd=0.1))
    assert unlike["ratios"].remedy.endswith("four times the processes in [sampling] would halve it")


def test_equal_networks_that_do_not_come_out_equal_are_a_control_that_is_off() -> None:
    off = told(seen(ratio=1.2))["control"]
    assert (off.level, off.text[:5]) == ("warn", "1.203")
    assert "a run ranks nothing" in off.remedy


def test_company_is_that_of_the_turns_and_not_the_load_of_the_last_minute() -> None:
    loud = told(seen(noise=Noise(load1=0.0, cpu_pressure=0.6, steal=0.2)))["company"]
    assert loud.text == "while it was measured: CPU pressure 60 %, stolen 20 %"
    calm = told(seen(noise=Noise(load1=9.0, cpu_pressure=0.0, steal=0.0, cpu_waited=0.01)))["company"]
    assert (calm.level, calm.text) == (
        "ok",
        "while it was measured: CPU pressure 0 %, waited for a CPU 1 %, stolen 0 %",
    )


def test_few_turns_promise_nothing() -> None:
    item = seen()
    item.visits = item.visits[:3]
    few = told(item)
    assert (few["ratios"].level, "too few turns" in few["ratios"].text) == ("warn", True)
    assert "control" not in few
    assert few["ranking"].text == "a run now would rank nothing: quickstart must know its ratios to a factor of 1.25"
    assert verdict(tuple(few.values()))[0] == "nothing now: a run would rank nothing"


def test_ratios_that_no_run_would_rank_by_are_told_so() -> None:
    loud, wide = told(seen(process_sd=0.4)), told(seen(visit_sd=0.1))
    assert "ranking" in loud
    assert "ranking" not in wide


def test_a_network_that_fails_is_a_failure_of_the_machine() -> None:
    result = trial_run._Seen(failures=["resnet18: crash: no kernel image"] * 2)  # pyright: ignore[reportPrivateUsage]
    (item,) = told(result).values()
    assert (item.level, item.text) == ("FAIL", "resnet18: crash: no kernel image")


def test_while_somebody_measures_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "holder", lambda device: "process 7 (lambdabench run --suite quickstart)")
    (diagnosis,) = trial_run.measured(Stop(), device="cpu")
    assert diagnosis.text == (
        "left out: cpu is measured on by process 7 (lambdabench run --suite quickstart), and two at once spoil each other's numbers"
    )
    assert diagnosis.level == "warn"


def test_without_torch_pairs_of_equal_work_stand_for_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "package_version", lambda name: "")
    (diagnosis,) = trial_run.measured(Stop())
    assert (diagnosis.level, diagnosis.text.partition(";")[0]) == ("–", "left out: torch is not installed")


@pytest.mark.parametrize(
    ("build", "kinds", "device"),
    [
        ("2.15.0+cu132", ["cuda"], "cuda:0"),
        ("2.15.0", ["cuda"], "cuda:0"),
        ("2.15.0+cpu", ["cuda"], "cpu"),
        ("2.15.0", ["tpu"], "cpu"),
    ],
)
def test_the_device_is_the_first_that_torch_can_drive(
    build: str, kinds: list[str], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "package_version", lambda name: build)
    monkeypatch.setattr(
        trial_run.accelerators, "look", lambda: [trial_run.accelerators.Accelerator(kind=kind) for kind in kinds]
    )
    assert trial_run._device() == device  # pyright: ignore[reportPrivateUsage]
