"""ONNX by torch.onnx's exporter of traced programs (dynamo=True): standard operators alone, shapes fixed, weights inside up to 2 GB."""

from pathlib import Path
from typing import Any

PACKAGES = ("onnx", "onnxscript")
IMPORTS = ("onnx", "onnxscript", "torch.onnx", "torch.export")
QUANTISERS = ("onnxruntime",)
INSTALL = 'pip install "lambdabench[onnxruntime]"'


def export(network: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], path: Path) -> str:
    """Writes `path`; "opset 20". Raises UnsupportedError for an operator that is not ONNX's own, whatever else the exporter raises."""
    import torch

    from ...core.errors import UnsupportedError

    program = torch.onnx.export(network, arguments, kwargs=keywords or None, dynamo=True, verbose=False)
    assert program is not None
    opsets = dict(program.model.opset_imports)
    if strange := sorted(set(opsets) - {"", "ai.onnx"}):
        operators = sorted({node.op_type for node in program.model.graph if node.domain in strange})
        raise UnsupportedError(
            f"the exporter left operators that are not ONNX's own: {', '.join(operators)[:80]}; "
            "use --backend torch_eager"
        )
    program.save(path)
    return f"opset {opsets.get('', 0)}"
