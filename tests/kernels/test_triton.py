"""The Triton kernel without a GPU: equal to the portable one in the interpreter, and compiled for one that is not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("triton")

SHARED_BYTES = {"86": 101_376, "90": 232_448}
"""What a block can have, by ten times the compute capability (CUDA C++ Programming Guide, technical specifications)."""


def test_values_and_gradients_are_the_portable_kernels_in_float64() -> None:
    """In a process of its own: triton is told when it is imported that it interprets."""
    script = Path(__file__).with_name("interpreted_triton.py")
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "17 shapes" in done.stdout


def test_kernels_are_compiled_for_a_gpu_that_is_not_here(tmp_path: Path) -> None:
    """For sm_90, within the shared memory of a block there; without spills. All cases: the script alone."""
    script = Path(__file__).with_name("compiled_triton.py")
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("TRITON_INTERPRET", None)
    cases = ("90 bfloat16 4 16", "90 tf32 8 16", "86 bfloat16 8 16", "86 ieee 8 32")
    done = subprocess.run(
        [sys.executable, str(script), *cases], env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert len(lines) == 4 * len(cases), done.stdout
    assert all(" 0 bytes spilled" in line for line in lines), done.stdout
    assert all(int(line.split(", ")[-1].split()[0]) <= SHARED_BYTES[line[:2]] for line in lines), done.stdout
