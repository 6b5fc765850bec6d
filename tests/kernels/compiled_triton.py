"""Compiles without a GPU what the Triton kernel launches, and prints registers, spills and shared memory of each.

Arguments are cases of ARCHITECTURES, DTYPES and SIZES, as "90 bfloat16 4 16"; none: all of them.
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
from lambdabench.kernels._triton import launches

ARCHITECTURES = (86, 90)
"""Compute capabilities, times ten."""
DTYPES = ("bfloat16", "ieee", "tf32")
"""bfloat16, and float32 by its precision."""
SIZES = ((4, 16), (4, 32), (8, 16), (8, 32))
"""Heads, key depth."""
POINTERS = {torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.float16: "*fp16"}
OPTIONS = ("num_warps", "num_stages", "maxnreg")


def main() -> None:
    asked = [tuple(name.split()) for name in sys.argv[1:]]
    every = [(at, dtype, *size) for at, dtype, size in itertools.product(ARCHITECTURES, DTYPES, SIZES)]
    for at, dtype, h, k in asked or every:
        for function, given, settings in launched(dtype, int(h), int(k)):
            said = compiled(int(at), function, given, settings)
            sys.stdout.write(f"{at} {dtype} h{h} k{k} {function.__name__}: {said}\n")


def launched(dtype: str, h: int, k: int) -> list[tuple[Any, tuple[Any, ...], dict[str, Any]]]:
    """What a forward and a backward pass would launch: kernels, arguments, settings."""
    result: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = []
    launches.launch = lambda function, grid, *given, **settings: result.append((function, given, settings))
    torch.backends.cuda.matmul.fp32_precision = "tf32" if dtype == "tf32" else "ieee"
    kind = torch.bfloat16 if dtype == "bfloat16" else torch.float32
    sizes = ((4, h, k, 8, 8), (4, 16, 1, 8, 8), (4, k, 16), (k, 1, 7, 7))
    given = [torch.zeros(size, dtype=kind) for size in sizes]
    kernel._gradients(kernel._apply(*given), *given)
    return result


def compiled(architecture: int, function: Any, given: tuple[Any, ...], settings: dict[str, Any]) -> str:
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
    made: Any = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
    return f"{told(made.asm['ptx'], architecture)}, {made.metadata.shared} bytes of shared memory"


def told(ptx: str, architecture: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.ptx"
        path.write_text(ptx)
        name = "sm_90a" if architecture == 90 else f"sm_{architecture}"
        command = [
            get_ptxas(architecture).path,
            "-v",
            f"--gpu-name={name}",
            str(path),
            "-o",
            str(path.with_suffix(".cubin")),
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    registers, spills = re.search(r"Used (\d+) registers", said), re.search(r"(\d+) bytes spill stores", said)
    assert registers is not None
    assert spills is not None
    return f"{registers[1]} registers, {spills[1]} bytes spilled"


if __name__ == "__main__":
    main()
