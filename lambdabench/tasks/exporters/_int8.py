"""8-bit integers in an ONNX file, by ONNX Runtime's own quantiser: dynamic (ranges of activations found in each call) or static (found
beforehand, over images)."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

SCHEMES = ("dynamic", "static")
INSTALL = 'pip install "lambdabench[onnxruntime]"'


class _Batches:
    """What ONNX Runtime reads ranges from (its CalibrationDataReader): a batch a call, None after the last."""

    def __init__(self, batches: Sequence[dict[str, Any]]) -> None:
        self._batches: Iterator[dict[str, Any]] = iter(batches)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._batches, None)


def quantise(path: Path, scheme: str, batches: Sequence[Sequence[Any]]) -> str:
    """Puts a network of 8-bit integers in the file's place; what was done, in words. `batches`: arrays in the order of the file's inputs,
    from which static takes its ranges."""
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        ready, made = Path(name) / "ready.onnx", Path(name) / "made.onnx"
        quant_pre_process(path, ready, skip_symbolic_shape=True)
        if scheme == "dynamic":
            # convolutions take unsigned weights alone (ConvInteger of the CPU provider)
            quantization.quantize_dynamic(ready, made, weight_type=quantization.QuantType.QUInt8)
            scheme_words = "int8 dynamic: weights uint8, activations as each call has them"
        else:
            graph = onnx.load(ready, load_external_data=False).graph
            fed = [item.name for item in graph.input][: len(batches[0])]
            quantization.quantize_static(
                ready,
                made,
                _Batches([dict(zip(fed, batch, strict=True)) for batch in batches]),  # pyright: ignore[reportArgumentType]
                quant_format=quantization.QuantFormat.QDQ,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                per_channel=True,
            )
            scheme_words = "int8 static: weights int8 a channel, activations uint8"
        for part in path.parent.glob(f"{path.name}*"):
            part.unlink()
        made.replace(path)
    return scheme_words
