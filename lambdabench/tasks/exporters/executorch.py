"""ExecuTorch: the traced network lowered to a .pte program, whatever XNNPACK takes of it on XNNPACK, the rest on portable operators."""

from pathlib import Path
from typing import Any

PACKAGES = ("executorch",)
IMPORTS = ("executorch.exir", "executorch.backends.xnnpack.partition.xnnpack_partitioner", "torch.export")
QUANTISERS = ()
INSTALL = 'pip install "lambdabench[executorch]"'


def export(network: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], path: Path) -> str:
    """Writes `path`; "ExecuTorch 1.5.1, XNNPACK 12 parts". Raises whatever the tracer or the lowering does."""
    from importlib.metadata import version

    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner  # pyright: ignore[reportMissingImports] (an extra)
    from executorch.exir import to_edge_transform_and_lower  # pyright: ignore[reportMissingImports] (an extra)

    program = torch.export.export(network, arguments, keywords or None)
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
    path.write_bytes(lowered.buffer)
    plan = lowered.executorch_program.execution_plan[0]
    left = sum(type(step.instr_args).__name__ == "KernelCall" for chain in plan.chains for step in chain.instructions)
    return (
        f"ExecuTorch {version('executorch')}, XNNPACK {len(plan.delegates)} parts, {left} calls of portable operators"
    )
