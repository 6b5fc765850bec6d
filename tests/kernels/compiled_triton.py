"""Compiles without a GPU what the Triton kernel launches, and prints registers, spills and shared memory of each.

Arguments are cases of ARCHITECTURES, DTYPES, SIZES and STAGES, as "90 bfloat16 4 16" or "90 bfloat16 4 16 56 16 23", with "streamed" behind
a stage for tables that do not stay in shared memory; none: all of them.
"""

import itertools
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import get_ptxas
from triton.compiler import ASTSource

from lambdabench.kernels import triton as kernel
from lambdabench.kernels import triton_streamed
from lambdabench.kernels._triton import launches

ARCHITECTURES = ("80", "86", "90", "100", "120", "gfx942")
"""Compute capabilities, times ten, and AMD's."""
DTYPES = ("bfloat16", "ieee", "tf32")
"""bfloat16, and float32 by its precision."""
SIZES = ((4, 16), (4, 32), (8, 16), (8, 32))
"""Heads, key depth."""
STAGES = (
    (8, 16, 7),
    *((side, depth, scope) for side, depth in ((56, 16), (28, 32), (14, 64), (7, 128)) for scope in (7, 9, 23)),
)
"""Side, value depth, scope: a small map, then those of a ResNet-50 at 224 pixels (arXiv 2102.08602, section 4)."""
IMAGES = 8
"""With as many a table that fits into shared memory stays there."""
POINTERS = {torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.float16: "*fp16"}
KEPT, STREAMED = (kernel._apply, kernel._gradients), (triton_streamed._apply, triton_streamed._gradients)
OPTIONS = ("num_warps", "num_stages", "maxnreg")


def main() -> None:
    asked = [tuple(name.split()) for name in sys.argv[1:]]
    every = [
        (at, dtype, *map(str, (*size, *stage)))
        for at, dtype, size, stage in itertools.product(ARCHITECTURES, DTYPES, SIZES, STAGES)
    ]
    for at, dtype, h, k, *stage in asked or every:
        sizes = tuple(map(int, stage[:3])) if stage else STAGES[0]
        for function, given, settings in launched(at, dtype, (int(h), int(k)), sizes, stream="streamed" in stage):
            said = compiled(at, function, given, settings)
            sys.stdout.write(f"{' '.join((at, dtype, h, k, *stage))} {function.__name__}: {said}\n")


def launched(
    at: str, dtype: str, heads: tuple[int, int], stage: tuple[int, ...], *, stream: bool = False
) -> list[tuple[Any, tuple[Any, ...], dict[str, Any]]]:
    """What a forward and a backward pass would launch: kernels, arguments, settings."""
    result: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
    launches.launch = lambda function, grid, *given, **settings: result.append((function, given, settings))
    launches.capability_of = lambda device: int(at) if at.isdecimal() else 0
    torch.backends.cuda.matmul.fp32_precision = "tf32" if dtype == "tf32" else "ieee"
    kind = torch.bfloat16 if dtype == "bfloat16" else torch.float32
    (h, k), (side, v, scope) = heads, stage
    sizes = ((IMAGES, h, k, side, side), (IMAGES, v, 1, side, side), (IMAGES, k, v), (k, 1, scope, scope))
    given = [torch.zeros(size, dtype=kind) for size in sizes]
    apply, gradients = STREAMED if stream else KEPT
    gradients(apply(*given), *given)
    return result


def compiled(at: str, function: Any, given: tuple[Any, ...], settings: dict[str, Any]) -> str:
    """With the hints that a launch gives: pointers, and sizes that it specialises, are multiples of 16."""
    options = {name: item for name, item in settings.items() if name in OPTIONS}
    constants = {name: item for name, item in settings.items() if name not in OPTIONS}
    types: dict[str, str] = {}
    hints: dict[tuple[int], Any] = {}
    for place, (argument, value) in enumerate(zip(function.params, given, strict=False)):
        types[argument.name] = POINTERS[value.dtype] if isinstance(value, torch.Tensor) else "i32"
        if isinstance(value, torch.Tensor) or (value % 16 == 0 and not argument.do_not_specialize):
            hints[place,] = [["tt.divisibility", 16]]
    types |= dict.fromkeys(constants, "constexpr")
    source = ASTSource(fn=function, signature=types, constexprs=constants, attrs=hints)
    target = GPUTarget("cuda", int(at), 32) if at.isdecimal() else GPUTarget("hip", at, 64)
    made: Any = triton.compile(source, target=target, options=options)
    said = told(made.asm["ptx"], int(at)) if at.isdecimal() else told_by_amd(made.asm["amdgcn"])
    return f"{said}, {made.metadata.shared} bytes of shared memory"


def told(ptx: str, architecture: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.ptx"
        path.write_text(ptx)
        name = re.search(r"^\.target (\w+)", ptx, re.MULTILINE)
        assert name is not None
        command = [
            get_ptxas(architecture).path,
            "-v",
            f"--gpu-name={name[1]}",
            str(path),
            "-o",
            str(path.with_suffix(".cubin")),
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    registers, spills = re.search(r"Used (\d+) registers", said), re.search(r"(\d+) bytes spill stores", said)
    assert registers is not None
    assert spills is not None
    return f"{registers[1]} registers, {spills[1]} bytes spilled"


def told_by_amd(assembly: str) -> str:
    """Vector registers, and of those that were spilled the bytes of a lane."""
    registers, spills = (re.search(rf"\.{name}:\s+(\d+)", assembly) for name in ("vgpr_count", "vgpr_spill_count"))
    assert registers is not None
    assert spills is not None
    return f"{registers[1]} registers, {4 * int(spills[1])} bytes spilled"


if __name__ == "__main__":
    main()
