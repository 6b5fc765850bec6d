"""What the probe writes, with backends and models that are scripted here."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.core import codec, registry
from lambdabench.core.errors import MissingExtraError
from lambdabench.core.hosts import Hosts
from lambdabench.core.identity import fingerprint
from lambdabench.core.spec import Device, Machine, ModelFacts, Wish
from lambdabench.machine.accelerators import Accelerator
from lambdabench.worker import environment
from lambdabench.worker import probe as module
from lambdabench.worker.environment import nvidia_driver
from lambdabench.worker.probe import find_environment, find_machine, probe


def device(name: str, backend: str, rate: float | None = None) -> Device:
    return Device(name=name, title=f"a {name}", memory_bytes=1, backends=(backend,), gemm_flop_per_s=rate)


def absent() -> tuple[Device, ...]:
    raise MissingExtraError('jax is not installed: pip install "lambdabench[jax]"')


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three backends: two that share the CPU, one whose framework is absent."""
    scripted: dict[str, Any] = {
        "eager": lambda: (device("cuda:0", "eager"), device("cpu", "eager", 1e9)),
        "compiled": lambda: (device("cpu", "compiled"),),
        "jax_jit": absent,
    }
    monkeypatch.setattr(registry, "names", lambda kind: tuple(scripted))
    monkeypatch.setattr(registry, "load", lambda kind, name: SimpleNamespace(find_devices=scripted[name]))


@pytest.mark.usefixtures("backends")
def test_devices_of_all_backends_are_joined_the_best_first() -> None:
    machine = find_machine()
    assert [item.name for item in machine.devices] == ["cuda:0", "cpu"]
    assert set(machine.devices[1].backends) == {"eager", "compiled"}
    assert machine.devices[1].gemm_flop_per_s == 1e9


def test_a_busy_device_stands_apart_from_those_that_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    held = dataclasses.replace(device("cuda:0", "eager"), problem="busy")
    monkeypatch.setattr(registry, "names", lambda kind: ("eager",))
    finds = SimpleNamespace(find_devices=lambda: (held, device("cpu", "eager")))
    monkeypatch.setattr(registry, "load", lambda kind, name: finds)
    machine = find_machine()
    assert ([item.name for item in machine.devices], machine.busy, machine.environment.gpu) == (["cpu"], (held,), "")


def test_devices_stand_in_order_and_know_who_spreads_a_case_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = [device(f"cuda:{index}", "eager", 1e9) for index in (10, 2, 0)]
    spread = [dataclasses.replace(item, backends=("jax_jit",), sharding=("jax_jit",), memory_bytes=9) for item in cuda]
    scripted = {"eager": cuda, "jax_jit": spread}
    monkeypatch.setattr(registry, "names", lambda kind: tuple(scripted))
    monkeypatch.setattr(registry, "load", lambda kind, name: SimpleNamespace(find_devices=lambda: scripted[name]))
    devices = find_machine().devices
    assert [item.name for item in devices] == ["cuda:0", "cuda:2", "cuda:10"]
    assert {(item.backends, item.sharding, item.gemm_flop_per_s, item.memory_bytes) for item in devices} == {
        (("eager", "jax_jit"), ("jax_jit",), 1e9, 9)
    }


@pytest.mark.usefixtures("backends")
def test_several_hosts_plan_alike_so_none_has_a_rate_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_hosts", lambda: Hosts(process=1, count=2))
    assert {item.gemm_flop_per_s for item in find_machine().devices} == {None}


@pytest.mark.usefixtures("backends")
def test_an_absent_framework_is_named_with_what_to_install() -> None:
    assert find_machine().missing == (("jax_jit", 'jax is not installed: pip install "lambdabench[jax]"'),)


@pytest.mark.usefixtures("backends")
def test_three_files_answer_the_wishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.models, "names", lambda: ("resnet50",))
    monkeypatch.setattr(
        module.models, "describe", lambda wish: ModelFacts(name=wish.model, family="f", native_px=wish.image_px or 224)
    )
    codec.write(tmp_path / "wishes.json", (Wish(model="resnet50"), Wish(model="resnet50", image_px=64)))
    probe(tmp_path)
    assert codec.read(Machine, tmp_path / "machine.json").devices[0].name == "cuda:0"
    assert codec.read(tuple[str, ...], tmp_path / "names.json") == ("resnet50",)
    catalogue = codec.read(tuple[ModelFacts, ...], tmp_path / "catalogue.json")
    assert [model_facts.native_px for model_facts in catalogue] == [224, 64]


def test_environment_names_versions_and_source_and_no_gpu_where_there_is_none() -> None:
    result = find_environment((device("cpu", "eager"), device("fake", "fake")))
    assert "+src." in result.lambdabench
    assert len(result.lambdabench.rpartition("+src.")[2]) == 12
    assert result.python
    assert result.cores >= 1
    assert (result.gpu, result.driver, dict(result.versions).get("cuda")) == ("", "", None)


def test_environment_tells_the_kernels_compiler_and_the_settings_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no_such_compiler")
    without = find_environment(())
    monkeypatch.delenv("CXX")
    monkeypatch.setattr(environment, "compiler", lambda: "c++ 12.2.0")
    there = find_environment(())
    assert (without.compiler, there.compiler) == ("", "c++ 12.2.0")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    slowed = find_environment(())
    assert "ONEDNN_MAX_CPU_ISA=SSE41" in slowed.allocator.split()
    assert len({fingerprint(item) for item in (without, there, slowed)}) == 3


def test_environment_names_libraries_of_a_gpu_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.host, "package_version", lambda name: f"{name} 1")
    on_cpu, on_gpu = find_environment((device("cpu", "e"),)), find_environment((device("cuda:0", "e"),))
    names = ("executorch", "flax", "jax", "jaxlib", "numpy", "onnx", "onnxruntime", "onnxscript", "openvino")
    names = (*names, "timm", "torch", "torchvision", "triton")
    assert on_cpu.versions == tuple((name, f"{name} 1") for name in names)
    of_cuda = {
        "cuda": "nvidia-cuda-runtime 1 nvidia-cuda-runtime-cu12 1",
        "cudnn": "nvidia-cudnn-cu13 1 nvidia-cudnn-cu12 1",
        "jax-cuda-plugin": "jax-cuda12-plugin 1 jax-cuda13-plugin 1",
        "jax-rocm-plugin": "jax-rocm60-plugin 1 jax-rocm7-plugin 1",
    }
    assert dict(on_gpu.versions) == dict(on_cpu.versions) | of_cuda


def test_environment_tells_which_gpu_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = (Accelerator(kind="cuda", title="A100", uuid="GPU-1", memory_bytes=2**36, driver="570.1"),)
    monkeypatch.setattr(environment.accelerators, "look", lambda: seen)
    monkeypatch.setattr(environment, "nvidia_driver", lambda: "")
    on_gpu, on_cpu = find_environment((device("cuda:0", "e"),)), find_environment((device("cpu", "e"),))
    assert (on_gpu.gpus, on_gpu.driver) == ("A100 GPU-1 64 GiB driver 570.1", "570.1")
    assert (on_cpu.gpus, on_cpu.driver) == ("", "")


def test_environment_names_the_accelerator() -> None:
    assert find_environment((device("xpu:0", "eager"), device("cpu", "eager"))).gpu == "a xpu:0"


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023", "535.104.05"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build", "570.124.06"),
        ("something else", ""),
    ],
)
def test_driver_version_of_closed_and_open_kernel_modules(line: str, version: str, tmp_path: Path) -> None:
    path = tmp_path / "version"
    path.write_text(f"{line}\nGCC version:  gcc version 12.2.0\n")
    assert nvidia_driver(path) == version


def test_no_driver(tmp_path: Path) -> None:
    assert nvidia_driver(tmp_path / "absent") == ""


def test_a_process_that_measures_tells_the_source_and_the_settings_that_it_began_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = environment.witnessed()
    monkeypatch.setattr(environment.host, "source_hash", lambda folder: "edited since")
    monkeypatch.setenv("CUDA_MODULE_LOADING", "LAZY")  # as torch does where it first touches a GPU
    assert environment.witnessed() == began
    assert environment.here().lambdabench.endswith("+src.edited since")
    assert "CUDA_MODULE_LOADING=LAZY" in environment.here().allocator


def test_variables_that_a_framework_sets_while_it_looks_for_devices_are_not_the_users(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def finds() -> tuple[Device, ...]:
        monkeypatch.setenv("CUDA_MODULE_LOADING", "LAZY")
        return (device("cpu", "eager"),)

    monkeypatch.delenv("CUDA_MODULE_LOADING", raising=False)
    monkeypatch.setattr(registry, "names", lambda kind: ("eager",))
    monkeypatch.setattr(registry, "load", lambda kind, name: SimpleNamespace(find_devices=finds))
    assert "CUDA_MODULE_LOADING" not in find_machine().environment.allocator


def test_parent_and_worker_make_the_same_environment_of_what_they_see(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = (Accelerator(kind="cuda", title="A100", uuid="GPU-1", driver="570.1"),)
    monkeypatch.setattr(environment.accelerators, "look", lambda: seen)
    for devices in ((device("cuda:0", "e"), device("cpu", "e")), (device("cpu", "e"),), (device("xpu:0", "e"),)):
        assert environment.settled(environment.witnessed(), devices) == find_environment(devices)
