"""A user's own .onnx file as it is: what it is fed, and what it holds, read from its graph with the package onnx; nothing of it runs."""

import math
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import NetworkError, UnsupportedError
from ...core.exported import ARRAYS, ExportFacts
from ...core.shapes import CHANNELS, OPTION, shape_of
from ...core.spec import Case, ModelFacts, Wish
from ..classification.spec import USER_PX

ENDING = ".onnx"
INSTALL = 'pip install "lambdabench[onnxruntime]"'
IMAGES = 4
"""Axes of a batch of maps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a graph: its sides, None where the file leaves one open."""

    name: str
    dtype: str
    sides: tuple[int | None, ...]


def is_file(model: str) -> bool:
    """Whether a model is a file of this kind."""
    return model.endswith(ENDING)


def describe(wish: Wish) -> ModelFacts:
    """Facts: the size of its images, and parameters. Raises UnsupportedError without the package onnx."""
    model = _read(wish.model)
    fed = _inputs(model)
    images = next((item for item in fed if len(item.sides) == IMAGES), None)
    side = None if images is None else images.sides[2]
    native_px = side or USER_PX
    return ModelFacts(
        name=wish.model,
        family="user",
        native_px=native_px,
        image_px=wish.image_px or native_px,
        parameters=_parameters(model)[0],
        fed=", ".join(f"{item.dtype} {'x'.join(str(side or '?') for side in item.sides)}" for item in fed),
    )


def described(case: Case, seed: int, folder: Path) -> ExportFacts:
    """What an exporting process would say of the file, with seeded inputs in arrays.npz. Raises UnsupportedError for a batch or a size
    that it does not take."""
    model, path = _read(case.model), Path(case.model).resolve()
    generator = np.random.default_rng(seed)
    arrays = {f"input{place}": _array(item, case, generator) for place, item in enumerate(_inputs(model))}
    np.savez(folder / ARRAYS, **arrays)
    parameters, parameter_bytes = _parameters(model)
    opsets = {item.domain: item.version for item in model.opset_import}
    maker = " ".join(text for text in (model.producer_name, model.producer_version) if text)
    return ExportFacts(
        file=str(path),
        exporter=f"{maker or 'a file'}, opset {opsets.get('', 0)}",
        file_bytes=sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*")),
        weights="the user's",
        parameters=parameters,
        parameter_bytes=parameter_bytes,
    )


def _read(model: str) -> Any:
    """The graph without the weights that lie beside it. Raises NetworkError for what is none."""
    if find_spec("onnx") is None:
        raise UnsupportedError(f"reading {model} needs onnx: {INSTALL}")
    import onnx

    try:
        graph = onnx.load(model, load_external_data=False)
    except Exception as error:  # protobuf's own, of any kind
        raise NetworkError(
            f"{model} is no ONNX graph: {(str(error).splitlines() or [''])[0]}; export it again"
        ) from error
    if not graph.graph.node:
        raise NetworkError(f"{model} is no ONNX graph: it has no operator; export it again")
    return graph


def _inputs(model: Any) -> list[Input]:
    """What is fed: older files name weights among the inputs too."""
    import onnx

    weights = {item.name for item in model.graph.initializer}
    return [
        Input(
            name=value.name,
            dtype=onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
            sides=tuple(
                side.dim_value if side.HasField("dim_value") and side.dim_value > 0 else None
                for side in value.type.tensor_type.shape.dim
            ),
        )
        for value in model.graph.input
        if value.name not in weights
    ]


def _array(item: Input, case: Case, generator: np.random.Generator) -> Any:
    """Seeded numbers of an input: normal, or zeros and ones for integers."""
    shape = _shape(item, case)
    if np.dtype(item.dtype).kind in "fV":
        return generator.standard_normal(shape, dtype=np.float32).astype(item.dtype)
    return generator.integers(0, 2, shape).astype(item.dtype)


def _shape(item: Input, case: Case) -> tuple[int, ...]:
    """The sides of an input for a case. Raises UnsupportedError, naming what it takes, where it takes no such batch or size."""
    wanted: list[int | None] = [case.batch_size, *[None] * (len(item.sides) - 1)]
    if len(item.sides) == IMAGES:
        shape = shape_of(case.image_px or USER_PX, case.options)
        channels = shape.channels if OPTION in dict(case.options) else item.sides[1] or CHANNELS
        wanted = [case.batch_size, channels, shape.height, shape.width]
    sides = [known or want or 1 for known, want in zip(item.sides, wanted, strict=True)]
    asked = [want or known for want, known in zip(wanted, sides, strict=True)]
    if sides != asked:
        sized = f" and --image-px {sides[2]}" if len(sides) == IMAGES else ""
        raise UnsupportedError(
            f"{case.model} takes {'x'.join(map(str, sides))} as {item.name}, asked for {'x'.join(map(str, asked))}; "
            f"use --batch-size {sides[0]}{sized}, or export it with open axes"
        )
    return tuple(sides)


def _parameters(model: Any) -> tuple[int, int]:
    """(Numbers, bytes) of the floating-point weights that the graph holds as such, and of 8-bit ones."""
    import onnx

    sizes = [
        (math.prod(item.dims), onnx.helper.tensor_dtype_to_np_dtype(item.data_type)) for item in model.graph.initializer
    ]
    kept = [(count, dtype) for count, dtype in sizes if dtype.kind in "fV" or dtype.itemsize == 1]
    return sum(count for count, _ in kept), sum(count * dtype.itemsize for count, dtype in kept)
