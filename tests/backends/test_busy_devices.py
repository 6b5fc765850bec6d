"""A device that is here and cannot be had is told with its reason, where it ended the probe or passed for absent."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.backends import _jax_devices, _torch_devices


def test_torch_tells_a_device_that_fails_its_first_product(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(device: str) -> float:
        raise RuntimeError("CUDA error: all CUDA-capable devices are busy or unavailable\nCompile with ...")

    monkeypatch.setattr(_torch_devices, "_gemm_rate", fail)
    result = _torch_devices._device("cuda:0", "a gpu", 2**36)
    assert (result.name, result.problem) == ("cuda:0", "CUDA error: all CUDA-capable devices are busy or unavailable")
    monkeypatch.setattr(_torch_devices, "_gemm_rate", lambda device: 1e9)
    assert _torch_devices._device("cuda:0", "a gpu", 2**36).problem == ""


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ("Unknown backend tpu", ""),
        ("Backend 'tpu' failed to initialize: INTERNAL: Failed to open libtpu.so: cannot open shared object file", ""),
        (
            "Unable to initialize backend 'tpu': ABORTED:\nThe TPU is already in use by process with pid 7. Not attempting",
            "The TPU is already in use by process with pid 7. Not attempting",
        ),
        ("cuda: RESOURCE_EXHAUSTED: failed to allocate", "cuda: RESOURCE_EXHAUSTED: failed to allocate"),
    ],
)
def test_jax_tells_a_platform_in_use_from_one_that_is_not_here(
    said: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(backend: str) -> Any:
        raise RuntimeError(said)

    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(local_devices=fail))
    assert _jax_devices._busy("tpu") == problem
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(local_devices=lambda backend: [1]))
    assert _jax_devices._busy("tpu") == ""
