"""ONNX by torch.onnx's exporter of traced programs (dynamo=True): standard operators, and our compiled kernel's where it was asked for by
its name; shapes fixed, weights inside up to 2 GB."""

from pathlib import Path
from typing import Any

from ...core.registry import ROOT

PACKAGES = ("onnx", "onnxscript")
OPERATORS = (f"{ROOT}.kernels.cpu", f"{ROOT}.kernels._cpu.inference")
"""Modules that register the operators of ours that a file may have."""
IMPORTS = ("onnx", "onnxscript", "torch.onnx", "torch.export", *OPERATORS)
QUANTISERS = ("onnxruntime",)
INSTALL = 'pip install "lambdabench[onnxruntime]"'


def export(network: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], path: Path) -> str:
    """Writes `path`; "opset 20". Raises UnsupportedError for an operator that is neither ONNX's own nor ours, whatever else the exporter
    raises."""
    import torch

    from ...core.errors import UnsupportedError
    from ...kernels._cpu import openvino

    own, domain = dict(openvino.translations()), openvino.DOMAIN
    program = torch.onnx.export(
        network, arguments, kwargs=keywords or None, dynamo=True, verbose=False, custom_translation_table=own
    )
    assert program is not None
    opsets = dict(program.model.opset_imports)
    if strange := sorted(set(opsets) - {"", "ai.onnx", domain}):
        operators = sorted({node.op_type for node in program.model.graph if node.domain in strange})
        raise UnsupportedError(
            f"the exporter left operators that are not ONNX's own: {', '.join(operators)[:80]}; "
            "use --backend torch_eager"
        )
    program.save(path)
    return f"opset {opsets.get('', 0)}{f', {domain} {opsets[domain]}' if domain in opsets else ''}"
