"""The Triton kernel without a GPU: equal to the portable one in the interpreter, and compiled for one that is not there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("triton")

SHARED_BYTES = {"80": 166_912, "86": 101_376, "90": 232_448, "100": 232_448, "120": 101_376, "gfx942": 65_536}
"""What a block can have, by ten times the compute capability (CUDA C++ Programming Guide, technical specifications), and of an MI300's
group (AMD, CDNA 3: local data share)."""
REGISTERS = {"80": 248, "86": 255, "90": 128, "100": 128, "120": 248, "gfx942": 256}
"""Of a thread at most: as many as were there when the kernels were last changed, and a few more. Up to 128 a multiprocessor has two
programs of eight warps (65,536 registers); where operands take registers too, embeddings' gradients have one."""
NUMBERS = re.compile(r"(\d+)(?= registers| bytes)")
STAGE = "bfloat16 4 16 56 16 23"
"""The largest of a ResNet-50's at 224 pixels."""


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
    """For sm_80 to sm_120 and gfx942, within the registers and the shared memory there, without spills. All cases: the script alone."""
    script = Path(__file__).with_name("compiled_triton.py")
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("TRITON_INTERPRET", None)
    stages = tuple(f"{at} {STAGE}" for at in SHARED_BYTES if at not in ("86", "90"))
    cases = ("90 bfloat16 4 16", "90 tf32 8 16", "86 bfloat16 8 16", "86 ieee 8 32", *stages)
    done = subprocess.run(
        [sys.executable, str(script), *cases], env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert len(lines) == 4 * len(cases), done.stdout
    for line in lines:
        at, numbers = line.split()[0], [int(number) for number in NUMBERS.findall(line)]
        registers, spilled_bytes, shared_bytes = numbers
        assert registers <= REGISTERS[at], line
        assert spilled_bytes == 0, line
        assert shared_bytes <= SHARED_BYTES[at], line
