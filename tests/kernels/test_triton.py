"""The Triton kernel without a GPU: equal to the portable one in the interpreter, and compiled for one that is not there."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("triton")


def test_values_and_gradients_are_the_portable_kernels_in_float64() -> None:
    """In a process of its own: triton is told when it is imported that it interprets."""
    script = Path(__file__).with_name("interpreted_triton.py")
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "9 shapes" in done.stdout


def test_kernels_are_compiled_for_a_gpu_that_is_not_here(tmp_path: Path) -> None:
    """For sm_90, with registers and spills as its assembler tells them."""
    script = Path(__file__).with_name("compiled_triton.py")
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count(" 0 bytes spilled") == 4, done.stdout
    assert importlib.util.find_spec("triton") is not None
