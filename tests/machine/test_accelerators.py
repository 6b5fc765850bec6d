"""Which accelerators are here, as a scripted NVML, the driver's files and the PCI bus tell; no framework and no GPU."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.machine import accelerators
from lambdabench.machine.accelerators import Accelerator, crowd, look, told

GIB = 2**30


class NVMLError(Exception):
    """As pynvml's own."""


class ScriptedNvml:
    """NVML of some devices: dicts with name, uuid, total, used, holders (pid -> bytes) and parts, where it is split."""

    NVMLError = NVMLError

    def __init__(self, devices: list[dict[str, Any]]) -> None:
        self.devices, self.open = devices, 0

    def nvmlInit(self) -> None:
        if not self.devices:
            raise NVMLError("driver not loaded")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlSystemGetDriverVersion(self) -> bytes:
        return b"570.1"

    def nvmlDeviceGetCount(self) -> int:
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        return self.devices[index]

    def nvmlDeviceGetMigMode(self, handle: dict[str, Any]) -> list[int]:
        if "parts" not in handle:
            raise NVMLError("not supported")
        return [1, 1]

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: dict[str, Any]) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: dict[str, Any], index: int) -> dict[str, Any]:
        if index >= len(handle["parts"]):
            raise NVMLError("not found")
        return handle["parts"][index]

    def nvmlDeviceGetMemoryInfo(self, handle: dict[str, Any]) -> Any:
        return SimpleNamespace(total=handle.get("total", 80 * GIB), used=handle.get("used", 0))

    def nvmlDeviceGetComputeRunningProcesses(self, handle: dict[str, Any]) -> list[Any]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in handle.get("holders", {}).items()]

    def nvmlDeviceGetPowerManagementLimit(self, handle: dict[str, Any]) -> int:
        return 1000 * self._told(handle, "watts")

    def nvmlDeviceGetEccMode(self, handle: dict[str, Any]) -> list[int]:
        return [self._told(handle, "ecc"), 1]

    def _told(self, handle: dict[str, Any], name: str) -> int:
        if name not in handle:
            raise NVMLError("not supported")
        return handle[name]

    def nvmlDeviceGetName(self, handle: dict[str, Any]) -> str:
        return handle["name"]

    def nvmlDeviceGetUUID(self, handle: dict[str, Any]) -> bytes:
        return handle["uuid"].encode()


A100 = {"name": "NVIDIA A100", "uuid": "GPU-a1"}
H100 = {"name": "NVIDIA H100", "uuid": "GPU-b2"}


def here(monkeypatch: pytest.MonkeyPatch, *devices: dict[str, Any]) -> ScriptedNvml:
    nvml = ScriptedNvml(list(devices))
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    return nvml


def seen(tmp_path: Path, chosen: str | None = None) -> tuple[Accelerator, ...]:
    environment = {} if chosen is None else {"CUDA_VISIBLE_DEVICES": chosen}
    return look(environment, tmp_path / "driver", tmp_path / "pci")


def test_a_device_is_told_by_what_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = here(monkeypatch, A100 | {"used": 5, "holders": {1: 5}}, H100)
    result = seen(tmp_path)
    assert told(result) == "NVIDIA A100 GPU-a1 80 GiB driver 570.1; NVIDIA H100 GPU-b2 80 GiB driver 570.1"
    assert [accelerator.used_bytes for accelerator in result] == [5, 0]
    assert nvml.open == 0, "let go again"


def test_what_its_owner_set_on_a_device_makes_it_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch, A100 | {"watts": 300, "ecc": 0}, H100 | {"watts": 700, "ecc": 1})
    assert told(seen(tmp_path)) == (
        "NVIDIA A100 GPU-a1 80 GiB 300 W ECC off driver 570.1; NVIDIA H100 GPU-b2 80 GiB 700 W driver 570.1"
    )
    parts = [{"name": "MIG 1g", "uuid": "MIG-1g", "total": 5 * GIB}]
    here(monkeypatch, A100 | {"parts": parts, "watts": 300})
    assert told(seen(tmp_path)) == "MIG 1g MIG-1g 5 GiB MIG 300 W driver 570.1", "a part has its card's limit"


def amd(pci: Path, name: str, **files: str) -> None:
    folder = pci / name
    (folder / "hwmon" / "hwmon3").mkdir(parents=True)
    (folder / "driver" / "module").mkdir(parents=True)
    for file, text in ({"vendor": "0x1002", "class": "0x038000", "device": "0x74a1"} | files).items():
        (folder / file).write_text(f"{text}\n")
    (folder / "hwmon" / "hwmon3" / "power1_cap").write_text("750000000\n")
    (folder / "driver" / "module" / "version").write_text("6.10.5\n")


def test_another_makers_device_is_told_by_its_kernel_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
    mi300 = {"product_name": "AMD Instinct MI300X", "mem_info_vram_total": str(192 * GIB)}
    amd(tmp_path / "pci", "a", unique_id="1f00", **mi300)
    amd(tmp_path / "pci", "b", unique_id="2f00", **mi300)
    first = "AMD Instinct MI300X GPU-1f00 192 GiB 750 W driver 6.10.5"
    assert told(seen(tmp_path)) == f"{first}; {first.replace('1f00', '2f00')}"
    for name, chosen, count in (
        ("HIP_VISIBLE_DEVICES", "1", 1),
        ("ROCR_VISIBLE_DEVICES", "GPU-1f", 1),
        ("HIP_VISIBLE_DEVICES", "-1", 0),
        ("ZE_AFFINITY_MASK", "7", 2),
    ):
        assert len(look({name: chosen}, tmp_path / "driver", tmp_path / "pci")) == count


def test_parts_of_a_split_device_are_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [{"name": f"NVIDIA A100 MIG {size}", "uuid": f"MIG-{size}", "total": 5 * GIB} for size in ("1g", "2g")]
    here(monkeypatch, A100 | {"parts": parts})
    assert told(seen(tmp_path, "MIG-2g")) == "NVIDIA A100 MIG 2g MIG-2g 5 GiB MIG driver 570.1"
    assert len(seen(tmp_path)) == 2


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (None, ["NVIDIA A100", "NVIDIA H100"]),
        ("1,0", ["NVIDIA H100", "NVIDIA A100"]),
        ("GPU-b", ["NVIDIA H100"]),
        ("0,7,1", ["NVIDIA A100"]),
        ("-1", []),
        ("", []),
    ],
)
def test_hidden_devices_are_not_here(
    chosen: str | None, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here(monkeypatch, A100, H100)
    assert [accelerator.title for accelerator in seen(tmp_path, chosen)] == names


def test_without_nvml_the_drivers_files_and_the_bus_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here(monkeypatch)
    assert seen(tmp_path) == ()
    path = tmp_path / "driver" / "gpus" / "0000:00:04.0" / "information"
    path.parent.mkdir(parents=True)
    path.write_text("Model: \t\t NVIDIA L4\nIRQ:   \t\t 20\nGPU UUID: \t GPU-c3\n")
    for name, vendor, kind in (("a", "0x1002", "0x030000"), ("b", "0x8086", "0x020000"), ("c", "0x1ae0", "0x088000")):
        folder = tmp_path / "pci" / name
        folder.mkdir(parents=True)
        for file, text in (("vendor", vendor), ("class", kind), ("device", "0x7408")):
            (folder / file).write_text(f"{text}\n")
    assert told(seen(tmp_path)) == "NVIDIA L4 GPU-c3; rocm 0x7408; tpu 0x7408", "a network card is none"


def test_who_is_on_a_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    here(monkeypatch, A100 | {"used": 40 * GIB, "holders": {2**30: 40 * GIB}}, H100 | {"used": GIB})
    assert crowd("cuda:0") == crowd("cuda") == f"process {2**30} holds 40.0 GiB"
    assert crowd("cuda:1") == crowd("cuda:2") == crowd("cpu") == ""
    monkeypatch.setattr(accelerators, "look", lambda: ())
    assert crowd("cuda:0") == ""
