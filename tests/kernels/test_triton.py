"""The Triton kernel without a GPU: equal to the portable one in the interpreter, and compiled for one that is not there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("triton")

from lambdabench.kernels._triton import tables, traffic  # noqa: E402
from lambdabench.kernels._triton.settings import settings, stationary_bytes  # noqa: E402

SHARED_BYTES = {"80": 166_912, "86": 101_376, "90": 232_448, "100": 232_448, "120": 101_376, "gfx942": 65_536}
"""What a block can have, by ten times the compute capability (CUDA C++ Programming Guide, technical specifications), and of an MI300's
group (AMD, CDNA 3: local data share)."""
REGISTERS = {"80": 248, "86": 255, "90": 128, "100": 128, "120": 248, "gfx942": 256}
"""Of a thread at most: as many as were there when the kernels were last changed, and a few more. Up to 128 a multiprocessor has two
programs of eight warps (65,536 registers); where operands take registers too, embeddings' gradients have one."""
NUMBERS = re.compile(r"(\d+)(?= registers| bytes)")
ALONE = 255
"""Registers of a thread at most where shared memory has room for one program alone (65,536 of eight warps)."""
STAGE = "bfloat16 4 16 56 16 23"
"""The largest of a ResNet-50's at 224 pixels."""


def interpreted(script: str) -> str:
    """In a process of its own: triton is told when it is imported that it interprets."""
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    path = str(Path(__file__).with_name(script))
    done = subprocess.run(
        [sys.executable, path], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_values_and_gradients_are_the_portable_kernels_in_float64() -> None:
    assert "17 shapes, 4 with a table in shared memory" in interpreted("interpreted_triton.py")


def test_bytes_that_are_asked_for_are_those_that_are_counted() -> None:
    lines = interpreted("loaded_triton.py").splitlines()
    assert [line.split(":")[0] for line in lines] == ["stationary", "streamed"] * 3


@pytest.mark.parametrize(("side", "depth", "most_mb"), [(56, 16, 880), (28, 32, 380), (14, 64, 110), (7, 128, 22)])
def test_a_table_in_shared_memory_asks_a_third_of_the_second_level_cache(side: int, depth: int, most_mb: int) -> None:
    """Scope 23, 128 images, 4 heads, key depth 16: at most as much as when the kernels were last changed, and a little more."""
    work = traffic.Work(size=(side, side), context=(side, side), images=128, channels=depth, itemsize=2)
    seen = tables.window((23, 23), (side, side), (side, side))
    asked = ((4, 16, depth), seen.size, seen.before, torch.bfloat16, "tf32")
    kept, streams = settings(*asked, capability=90).forward, settings(*asked, capability=90, stream=True).forward
    kept_bytes = traffic.stationary(work, kept, 132) + traffic.values(work, kept)
    assert kept_bytes <= most_mb * 1e6
    assert 3 * kept_bytes <= traffic.streamed(work, streams) + traffic.values(work, streams)


@pytest.mark.parametrize(
    ("capability", "depths", "dtype", "scope", "table"),
    [
        (90, (16, 16), torch.bfloat16, 23, "stationary"),
        (90, (64, 128), torch.float16, 23, "stationary"),
        (100, (16, 128), torch.float16, 23, "stationary"),
        (100, (32, 16), torch.float16, 23, "streamed"),  # no registers for values that come meanwhile
        (90, (16, 16), torch.bfloat16, 7, "resident"),
        (90, (16, 16), torch.float32, 23, "streamed"),  # no room for 32 bits
        (90, (128, 16), torch.bfloat16, 23, "streamed"),  # nor for content lambdas of so many keys
        (90, (16, 24), torch.bfloat16, 23, "streamed"),  # channels that are not loaded together
        *((capability, (16, 16), torch.bfloat16, 23, "streamed") for capability in (0, 80, 86, 89, 120)),
    ],
)
def test_a_table_stays_where_there_is_room(
    capability: int, depths: tuple[int, int], dtype: Any, scope: int, table: str
) -> None:
    """By key depth and value depth."""
    before = (scope // 2, scope // 2)
    assert settings((4, *depths), (scope, scope), before, dtype, "tf32", capability=capability).table == table


def test_kernels_are_compiled_for_a_gpu_that_is_not_here(tmp_path: Path) -> None:
    """For sm_80 to sm_120 and gfx942, within the registers and the shared memory there, without spills. All cases: the script alone."""
    script = Path(__file__).with_name("compiled_triton.py")
    environment = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("TRITON_INTERPRET", None)
    stages = tuple(f"{at} {STAGE}" for at in SHARED_BYTES if at not in ("86", "90"))
    cases = (
        "90 bfloat16 4 16",
        f"90 {STAGE}",
        f"90 {STAGE} streamed",
        "90 bfloat16 8 32 28 32 23",
        "90 tf32 8 16",
        "86 bfloat16 8 16",
        "86 ieee 8 32",
        *stages,
    )
    done = subprocess.run(
        [sys.executable, str(script), *cases], env=environment, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert len(lines) == 4 * len(cases), done.stdout
    for line in lines:
        at, numbers = line.split()[0], [int(number) for number in NUMBERS.findall(line)]
        registers, spilled_bytes, shared_bytes = numbers
        assert registers <= (ALONE if " stationary_" in line else REGISTERS[at]), line
        assert spilled_bytes == 0, line
        assert shared_bytes <= SHARED_BYTES[at], line
    kept = [line.split() for line in lines if " stationary_" in line]
    assert [line[0] for line in kept] == ["90", "90", "90", "90", "100", "100"]
    for at, _, h, k, _, v, scope, *_, shared_bytes, _, _, _, _ in kept:
        window, before = (int(scope), int(scope)), (int(scope) // 2, int(scope) // 2)
        chosen = settings((int(h), int(k), int(v)), window, before, torch.bfloat16, "tf32", capability=int(at))
        assert int(shared_bytes) <= stationary_bytes(chosen.forward), at
