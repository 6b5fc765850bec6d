"""Compiles the Triton kernels for sm_90 without a GPU and prints what their assembler says: registers, spills, shared memory."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import get_ptxas
from triton.compiler import ASTSource

from lambdabench.kernels import triton as kernel

SHAPE = {"H": 4, "K": 16, "KP": 16, "R_Y": 7, "R_X": 7, "BLOCK": kernel.BLOCK, "PRECISION": "tf32"}
TILE = {"TY": kernel.TILE_ROWS, "TX": kernel.TILE_COLUMNS, "AROUND": kernel.AROUND}
TERMS = {"CONTENT": True, "POSITION": True}
KERNELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "forward": (kernel._forward_kernel, SHAPE | TILE | TERMS),
    "queries": (kernel._queries_kernel, SHAPE | TILE | TERMS),
    "embeddings": (kernel._embeddings_kernel, SHAPE | TILE),
    "values": (kernel._values_kernel, SHAPE | {"SIDE": kernel.SQUARE, "QUERIES": kernel.QUERIES}),
}


def main() -> None:
    target = GPUTarget("cuda", 90, 32)
    for name, (function, constants) in KERNELS.items():
        types: dict[str, str] = {}
        for argument in function.arg_names:
            if argument in constants:
                types[argument] = "constexpr"
            elif argument == "out_ptr" and name != "values":
                types[argument] = "*fp32"
            else:
                types[argument] = "*bf16" if argument.endswith("_ptr") else "i32"
        source = ASTSource(fn=function, signature=types, constexprs=constants)
        options = {"num_warps": kernel.WARPS, "num_stages": kernel.STAGES}
        made: Any = triton.compile(source, target=target, options=options)
        sys.stdout.write(f"{name}: {told(made.asm['ptx'])}, {made.metadata.shared} bytes of shared memory\n")


def told(ptx: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.ptx"
        path.write_text(ptx)
        command = [get_ptxas(90).path, "-v", "--gpu-name=sm_90a", str(path), "-o", str(path.with_suffix(".cubin"))]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    registers, spills = re.search(r"Used (\d+) registers", said), re.search(r"(\d+) bytes spill stores", said)
    assert registers is not None
    assert spills is not None
    return f"{registers[1]} registers, {spills[1]} bytes spilled"


if __name__ == "__main__":
    main()
