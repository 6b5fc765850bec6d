"""What a case raised is a status, and a reason that says what to do."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.core.errors import MismatchError, OutOfMemoryError, UnsupportedError, WrongOutputError
from lambdabench.core.spec import Case
from lambdabench.worker.case_errors import explain

CASE = Case(
    model="resnet50", backend="fake", device="fake", batch_size=4, image_px=224, param_dtype="float32", threads=1
)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


OutOfMemoryByName = type("OutOfMemoryError", (RuntimeError,), {})
OutOfResources = type("OutOfResources", (RuntimeError,), {})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutOfMemoryError("full"), "oom"),
        (UnsupportedError("no"), "unsupported"),
        (MismatchError("other"), "mismatch"),
        (WrongOutputError("nan"), "wrong_output"),
        (MemoryError(), "oom"),
        (RuntimeError("CUDA error: out of memory"), "oom"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "oom"),
        (OutOfMemoryByName("Tried to allocate 9 GiB"), "oom"),
        (
            RuntimeError(
                "Attempting to reserve 12.87G at the bottom of memory. That was not possible. There are 8G free"
            ),
            "oom",
        ),
        (RuntimeError("RESOURCE_EXHAUSTED: Attempting to allocate 2.00G. That was not possible."), "oom"),
        (
            RuntimeError("RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in memory space hbm."),
            "oom",
        ),
        (RuntimeError("INTERNAL: it failed\nRESOURCE_EXHAUSTED: Failed to allocate request for 4.0GiB"), "oom"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), "oom"),
        (RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"), "oom"),
        (RuntimeError("GET was unable to find an engine to execute this computation"), "oom"),
        (RuntimeError("level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)"), "oom"),
        (RuntimeError("level_zero backend failed with error: 40 (UR_RESULT_ERROR_OUT_OF_RESOURCES)"), "oom"),
        (RuntimeError("HIP error: hipErrorOutOfMemory"), "oom"),
        (OutOfResources("out of resource: shared memory, Required: 294912, Hardware limit: 101376."), "crash"),
        (RuntimeError("RESOURCE_EXHAUSTED: Ran out of memory in memory space vmem. Used 32.42M of 16.00M"), "crash"),
        (RuntimeError("RESOURCE_EXHAUSTED: Shared memory size limit exceeded: requested 266240"), "crash"),
        (RuntimeError("shapes do not match"), "crash"),
    ],
)
def test_exceptions_are_sorted_by_type_and_text(error: Exception, status: str) -> None:
    assert explain(raised(error), CASE)[0] == status


def test_out_of_memory_says_what_to_do() -> None:
    reason = explain(raised(MemoryError()), CASE)[1]
    assert reason == "MemoryError: no message; try a smaller --batch-size or --image-px"


def test_crash_names_the_place() -> None:
    reason = explain(raised(ValueError("first line\nsecond line")), CASE)[1]
    assert reason.startswith("ValueError: first line (")
    assert "test_case_errors.py:" in reason


def test_crash_of_a_users_model_names_the_users_file(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("import json\n\ndef build():\n    return json.loads('{')\n")
    spec = importlib.util.spec_from_file_location("net_of_a_user", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    build: Callable[[], object] = module.build
    with pytest.raises(ValueError, match="Expecting") as caught:
        build()
    status, reason = explain(caught.value, Case(model=f"{path}:build"))
    assert status == "crash"
    assert f"{path}:4" in reason
