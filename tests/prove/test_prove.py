"""The whole of `prove` on scripted times: every question through what asks a real device, the table, the JSON, the exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lambdabench.cli.app import app
from lambdabench.conduct import Stop
from lambdabench.core.errors import DeviceError
from lambdabench.core.kernel_times import MEASURED, KernelTime, Stage
from lambdabench.core.spec import Device, Environment, Machine
from lambdabench.facts import kernel_times
from lambdabench.prove import cases
from lambdabench.prove.peaks import peak_of
from lambdabench.prove.place import Played, place_of
from lambdabench.tasks.scripted_work import CAPPED, RISE_S

ENVIRONMENT = Environment(
    lambdabench="0", cpu="Xeon", cpu_flags="avx2 avx512f fma", cores=2, memory_gib=8, python="3.11"
)
TPU = Device(name="tpu:0", title="TPU v5 lite", memory_bytes=2**34, backends=("jax_jit",))
FAKE = Device(name="fake", title="scripted times", memory_bytes=2**40, backends=("fake",))
MACHINE = Machine(devices=(TPU, FAKE), environment=ENVIRONMENT)


def test_scripted_times_are_found_as_they_are_predicted(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["prove", "--device", "fake", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "fake.json").read_text())
    findings = {finding["question"]: finding for finding in data["findings"]}
    assert findings["how long is a pause of 20 ms?"]["found_value"] == pytest.approx(0.02)
    assert findings["a batch that cannot fit"]["found"] == "oom"
    assert findings["the next case"]["found"] == "ok"
    assert data["exit_code"] == 0
    risen = findings["how long is load until its speed has risen?"]
    assert risen["found_value"] == pytest.approx(RISE_S, abs=0.01)
    assert risen["curve"][0][1] < risen["curve"][5][1]
    assert findings["speed after 8 s of load, as a share of its best 0.25 s"]["found_value"] == pytest.approx(CAPPED)
    ratios = {question: finding for question, finding in findings.items() if "with emptied caches" in question}
    assert [finding["verdict"] for finding in ratios.values()] == ["as predicted"] * 2
    assert ratios["a copy of 4 MiB: times as long with emptied caches"]["found_value"] == pytest.approx(4)


def test_a_device_that_is_not_here_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(DeviceError, match=r"device cuda is not here; here: tpu:0 \(TPU v5 lite\), fake"):
        place_of("cuda", MACHINE, Stop(), lambda _: None)


def test_what_a_kernel_takes_stands_beside_the_model_of_its_own_kind_alone() -> None:
    place = place_of("tpu", MACHINE, Stop(), lambda _: None)
    known = next(time for time in kernel_times.shipped() if time.kind == TPU.title and time.direction == "forward")
    played = {
        "auto": Played(status="ok", seconds=(3 * known.seconds,)),
        known.kernel: Played(status="ok", seconds=(known.seconds,)),
        "xla_fft": Played(status="oom", reason="full"),
    }
    verdicts = {
        finding.question.split(" on ")[0]: finding.verdict
        for finding in cases._kernel_findings(place, known.stage, "forward", played)
    }
    assert verdicts == {
        "auto": "no prediction",
        known.kernel: "as predicted",
        "xla_fft": "not asked",
        "auto against the quickest": "off",
    }


def test_measured_times_are_kept_in_place_of_older_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDABENCH_CACHE", str(tmp_path))
    stage = Stage(batch=1, side=14, scope=7)

    def time(kernel: str, seconds: float) -> KernelTime:
        return KernelTime(kind="A", origin=MEASURED, stage=stage, kernel=kernel, direction="step", seconds=seconds)

    assert kernel_times.keep([time("one", 1.0), time("two", 2.0)])
    assert kernel_times.keep([time("one", 3.0)])
    assert sorted((item.kernel, item.seconds) for item in kernel_times.measured()) == [("one", 3.0), ("two", 2.0)]
    kernel_times.known.cache_clear()


def test_peaks_are_those_of_the_device_or_none() -> None:
    def peak(kind: str, title: str) -> float | None:
        device = Device(name=f"{kind}:0", title=title, memory_bytes=1, backends=("torch_eager",))
        known = peak_of(device, MACHINE)
        return None if known is None else known.flop_per_s["bfloat16"]

    assert peak("cuda", "NVIDIA H200") == 989e12
    assert peak("cuda", "NVIDIA L4") == 121e12
    assert peak("cuda", "NVIDIA L40S") == 362e12
    assert peak("cuda", "NVIDIA GeForce RTX 2080") is None
    assert peak("tpu", "TPU v5 lite") == 197e12
