"""A device that is here and cannot be had is told with its reason, where it ended the probe or passed for absent."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.backends import _jax_devices, _torch_devices
from lambdabench.core.errors import DeviceError
from lambdabench.core.spec import Case, Device
from lambdabench.core.statuses import SETTLED
from lambdabench.worker import probe
from lambdabench.worker.case_errors import explain


def test_torch_tells_a_device_that_fails_its_first_product(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(device: str) -> float:
        raise RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable\nCompile with ...")

    monkeypatch.setattr(_torch_devices, "_gemm_rate", fail)
    result = _torch_devices._device("cuda:0", "a gpu", 2**36)
    assert (result.name, result.problem) == ("cuda:0", "CUDA error: all CUDA-capable devices are busy or unavailable")
    monkeypatch.setattr(_torch_devices, "_gemm_rate", lambda device: 1e9)
    assert _torch_devices._device("cuda:0", "a gpu", 2**36).problem == ""


def test_one_broken_card_of_several_stops_none_of_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory is full, it fell off the bus, or this torch was built without kernels for it: the probe of all ended with it."""
    torch = pytest.importorskip("torch")

    def properties(index: int) -> Any:
        if index == 1:
            raise RuntimeError("CUDA error: unspecified launch failure\nmore")
        return SimpleNamespace(name=f"card {index}", total_memory=2**36)

    def rate(device: str) -> float:
        if device == "cuda:2":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 4.00 MiB")
        return 1e12

    for name, value in (
        ("is_available", lambda: True),
        ("device_count", lambda: 4),
        ("get_device_properties", properties),
    ):
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(_torch_devices, "_gemm_rate", rate)
    devices = {device.name: device.problem for device in _torch_devices._found.__wrapped__()}
    assert devices == {
        "cuda:0": "",
        "cuda:1": "CUDA error: unspecified launch failure",
        "cuda:2": "CUDA out of memory. Tried to allocate 4.00 MiB",
        "cuda:3": "",
        "cpu": "",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Unknown backend tpu", ""),
        ("Backend 'tpu' failed to initialize: INTERNAL: Failed to open libtpu.so: cannot open shared object file", ""),
        (
            "Unable to initialize backend 'tpu': ABORTED:\nThe TPU is already in use by process with pid 7. Not attempting",
            "The TPU is already in use by process with pid 7. Not attempting",
        ),
        ("cuda: RESOURCE_EXHAUSTED: failed to allocate", "cuda: RESOURCE_EXHAUSTED: failed to allocate"),
        (
            "ABORTED: Internal error when accessing libtpu multi-process lockfile.",
            "ABORTED: Internal error when accessing libtpu multi-process lockfile.",
        ),
        (
            "Unable to initialize backend 'tpu': UNAVAILABLE: ended early",
            "Unable to initialize backend 'tpu': UNAVAILABLE: ended early",
        ),
        ("'tpu': UNAVAILABLE: TPU initialization failed: No ba16c7433 device found.", ""),
    ],
)
def test_jax_tells_a_platform_in_use_from_one_that_is_not_here(text: str, problem: str) -> None:
    assert _jax_devices._busy(text) == problem


class Platform:
    """JAX on a machine whose TPU another process gives back after so many tries, by a clock that nobody waits for."""

    BUSY = "ABORTED:\nThe TPU is already in use by process with pid 7."

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, busy_for: int, text: str = BUSY) -> None:
        self.tries, self.forgotten, self.time_s, self._busy_for, self._text = 0, 0, 0.0, busy_for, text
        monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(devices=self.devices, process_count=lambda: 1))
        monkeypatch.setattr(_jax_devices, "_forget_platforms", self.forget)
        monkeypatch.setattr(_jax_devices, "time", SimpleNamespace(monotonic=lambda: self.time_s, sleep=self.sleep))

    def devices(self, platform: str) -> list[str]:
        self.tries += 1
        if self.tries <= self._busy_for:
            raise RuntimeError(self._text)
        return [f"{platform} {index}" for index in range(8)]

    def forget(self) -> None:
        self.forgotten += 1

    def sleep(self, seconds: float) -> None:
        self.time_s += seconds


CASE = Case(model="m", backend="jax_jit", device="tpu:0", devices=8, batch_size=8)


def test_a_case_waits_for_a_device_that_its_last_process_gives_back_late(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, busy_for=5)
    assert len(_jax_devices.devices_of(CASE)) == 8
    assert (platform.tries, platform.forgotten) == (6, 5), "JAX remembers one that did not start: it must forget it"


def test_a_device_that_stays_busy_is_named_and_settles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, busy_for=10**6)
    with pytest.raises(DeviceError) as raised:
        _jax_devices.devices_of(CASE)
    status, reason = explain(raised.value, CASE)
    assert "tpu:0 is here and busy" in reason
    assert "already in use by process with pid 7" in reason
    assert (status, status in SETTLED) == ("crash", False)
    assert platform.time_s == _jax_devices.WAIT_S


def test_a_device_that_is_not_here_is_not_waited_for_and_settles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    platform = Platform(monkeypatch, busy_for=10**6, text="Unknown backend tpu")
    with pytest.raises(DeviceError, match="8 devices from tpu:0 on are not here, of 0"):
        _jax_devices.devices_of(CASE)
    assert (platform.tries, platform.time_s) == (1, 0.0)


def test_an_accelerator_is_taken_before_a_processor() -> None:
    devices = [
        Device(name=name, title="", memory_bytes=0, backends=())
        for name in ("fake", "cpu", "mps", "rocm:0", "xpu:0", "cuda:1", "cuda:0", "tpu:0")
    ]
    assert [device.name for device in sorted(devices, key=probe._rank)] == [
        *("tpu:0", "cuda:0", "cuda:1", "rocm:0", "xpu:0", "mps", "cpu", "fake"),
    ]


def test_amds_gpu_is_called_as_torch_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def devices(platform: str) -> list[str]:
        asked.append(platform)
        if platform != "rocm":
            raise RuntimeError(f"Unknown backend {platform}")
        return ["a gpu"]

    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(devices=devices, process_count=lambda: 1))
    assert _jax_devices.devices_of(Case(model="m", backend="jax_jit", device="cuda:0")) == ["a gpu"]
    assert asked == ["cuda", "rocm"]
    assert _jax_devices.kind_of(SimpleNamespace(platform="gpu")) == "cuda"


def test_jax_tells_a_device_that_fails_its_first_product(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(jax: Any, device: Any) -> float:
        raise RuntimeError("INTERNAL: Failed to execute XLA Runtime executable\nmore")

    monkeypatch.setattr(_jax_devices, "_gemm_rate", fail)
    device = SimpleNamespace(platform="gpu", device_kind="a gpu", memory_stats=lambda: {"bytes_limit": 5})
    known = Device(name="cuda:0", title="", memory_bytes=0, backends=("jax_jit",))
    result = _jax_devices._tried(None, device, known)
    assert (result.title, result.problem) == ("a gpu", "INTERNAL: Failed to execute XLA Runtime executable")
