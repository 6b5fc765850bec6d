"""The compiled kernel as operators of OpenVINO, and of the ONNX files that it reads: a library of its extensions, built at first use
against the headers that OpenVINO's package brings.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from ...core.registry import ROOT
from . import build

SOURCE = Path(__file__).with_name("openvino.cpp")
DOMAIN, VERSION = "lambdabench", 1
"""Of the operators in a file, as openvino.cpp has them, whatever the package is called."""
EPSILONS = ("epsilon_queries", "epsilon_values")
"""Their norms', 0 where they have none."""


def library() -> Path:
    """The extension's file, built where it is not there yet. Raises `build.UnavailableError`, OSError."""
    spec = find_spec("openvino")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    flags = (f"-I{package / 'include'}", "-w", f"-L{package / 'libs'}", f"-Wl,-rpath,{package / 'libs'}")
    return build.built(build.home(), SOURCE, flags, _libraries(package / "libs"))


def _libraries(folder: Path) -> tuple[str, ...]:
    """Those to link to, by their full names, which say their version."""
    found: list[str] = []
    for name in ("libopenvino", "libopenvino_onnx_frontend", "libtbb"):
        files = sorted(path.name for path in folder.glob(f"{name}.so*"))
        if not files:
            raise build.UnavailableError(f"{folder} has no {name}, which operators for OpenVINO are linked to")
        found.append(f"-l:{files[0]}")
    return tuple(found)


def translations() -> Mapping[Any, Callable[..., Any]]:
    """Operators of ours in torch -> what torch.onnx makes of each: an operator of domain "lambdabench", whose extension `library` is."""
    import torch
    from onnxscript import opset18 as typed
    from onnxscript.values import Opset

    from .. import cpu  # pyright: ignore[reportUnusedImport] # noqa: F401 (registers its operator)
    from . import inference  # pyright: ignore[reportUnusedImport] # noqa: F401 (so too)

    _register()
    own, opset18 = Opset(DOMAIN, VERSION), cast("Any", typed)

    def lambda_layer(  # noqa: PLR0917 (the operator's)
        x: Any, projections: Sequence[Any], norms: Sequence[Any], epsilons: Any, bias: Any, embeddings: Any, heads: int
    ) -> Any:
        given = [x, *projections, *norms, *(item for item in (bias, embeddings) if item is not None)]
        return own.LambdaLayer(
            *given,
            heads=heads,
            keys=int(len(projections) == 3),
            norms=int(bool(norms)),
            bias=int(bias is not None),
            table=int(embeddings is not None),
            **dict(zip(EPSILONS, map(float, epsilons or (0, 0)), strict=True)),
        )

    def apply_lambdas(queries: Any, values: Any, content: Any, embeddings: Any) -> Any:
        given = [opset18.Transpose(queries, perm=[0, 3, 4, 1, 2]), opset18.Transpose(values, perm=[0, 2, 3, 4, 1])]
        if content is not None:
            given.append(content)
        if embeddings is not None:
            given.append(opset18.Transpose(embeddings, perm=[1, 0, 2, 3]))
        flags = {"content": int(content is not None), "table": int(embeddings is not None)}
        return opset18.Transpose(own.ApplyLambdas(*given, **flags), perm=[0, 3, 4, 1, 2])

    operators = getattr(torch.ops, ROOT)
    return {operators.lambda_layer.default: lambda_layer, operators.apply_lambdas.default: apply_lambdas}


def _register() -> None:
    """Has ONNX know the operators."""
    from onnx import defs

    numbers = {"LambdaLayer": ("heads", "keys", "norms", "bias", "table"), "ApplyLambdas": ("content", "table")}
    schema = defs.OpSchema
    for name, integers in numbers.items():
        if defs.has(name, DOMAIN):
            continue
        option = schema.FormalParameterOption
        inputs = [schema.FormalParameter("given", "T", param_option=option.Variadic, min_arity=2)]
        attributes = [schema.Attribute(key, schema.AttrType.INT, required=True) for key in integers]
        if name == "LambdaLayer":
            attributes += [schema.Attribute(key, schema.AttrType.FLOAT, required=True) for key in EPSILONS]
        defs.register_schema(
            schema(
                name,
                DOMAIN,
                VERSION,
                inputs=inputs,
                outputs=[schema.FormalParameter("y", "T")],
                type_constraints=[("T", ["tensor(float)"], "")],
                attributes=attributes,
            )
        )
