"""A network written as a file for a runtime.

Beside the file stand its seeded inputs and what torch, eager and in float32, answers on them with the same weights.
"""

import dataclasses
import importlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from .. import models
from ..backends import _torch_flops
from ..backends._torch_trees import mapped, tensors
from ..core import sources
from ..core.errors import LambdabenchError, UnsupportedError
from ..core.exported import ARRAYS, FORMATS, ExportAsked, ExportFacts
from ..core.ports import Workload
from ..core.spec import Case
from ..layers.lambda_layer.torch import LambdaLayer
from .exports import sentence

DENSE_POSITIONS = 256
"""Positions of a map up to which lambdas are made by a matrix product with the dense embeddings, and by a convolution from there on."""


def of_case(asked: ExportAsked, folder: Path) -> ExportFacts:
    """The network of a case by its name, written into a folder. Raises what making it does, and what `export` does."""
    facts = export(models.create_workload(asked.case, "torch"), asked, folder)
    return dataclasses.replace(facts, sources=tuple(sources.imported(asked.case.model).items()))


def export(workload: Workload, asked: ExportAsked, folder: Path) -> ExportFacts:
    """The network of a workload, written into a folder with its arrays. Raises UnsupportedError with the exporter's reason."""
    case = asked.case
    network = _in_inference(workload.network, case)
    given = workload.inputs(case, asked.seed)
    keywords = workload.keywords(given) if hasattr(workload, "keywords") else {}  # pyright: ignore[reportAttributeAccessIssue]
    arguments = workload.arguments(given)
    sizes = _watch_sizes(network)
    with torch.inference_mode(), _torch_flops.counter() as counter:
        output = network(*arguments, **keywords)
    if problem := workload.check(output, case):
        raise UnsupportedError(f"{case.model} in torch: {problem}")
    parameters = list(network.parameters())
    facts = ExportFacts(
        file=FORMATS[asked.format],
        weights=workload.weights,
        parameters=sum(weight.numel() for weight in parameters),
        parameter_bytes=sum(weight.numel() * weight.element_size() for weight in parameters),
        flops=float(counter.get_total_flops()),
        interaction_bytes=workload.interaction_bytes(case),
        features=workload.features(output, case),
        kernel=make_portable(sizes, case, with_own=asked.format == "onnx"),
    )
    _keep_arrays(folder, (arguments, keywords), output)
    facts = _written(network, (arguments, keywords), facts, asked, folder)
    return facts if asked.quantize == "none" else _quantised(workload, facts, asked, folder)


def make_portable(sizes: "dict[LambdaLayer, int]", case: Case, *, with_own: bool = False) -> str:
    """Has lambda layers run as standard operators, each as suits the positions of its map; the kernels, "conv2d,einsum", of all. Raises
    UnsupportedError where a compiled kernel was asked for by its name, but for "cpu" where the file may have operators of ours
    (`with_own`)."""
    asked = str(dict(case.options).get("kernel", "auto"))
    if sizes and asked in ("cpu", "triton") and not (with_own and asked == "cpu"):
        raise UnsupportedError(
            f"kernel {asked} is compiled code and no part of a file; use kernel auto, conv2d or einsum"
        )
    for layer, positions in sizes.items():
        if asked == "auto":
            layer.run_as("einsum" if positions <= DENSE_POSITIONS else "conv2d")
    return ",".join(sorted({layer.kernel for layer in sizes}))


def _in_inference(network: nn.Module, case: Case) -> nn.Module:
    """The network in float32 on the host, in evaluation."""
    network = network.to("cpu", torch.float32)
    try:
        return network.eval()
    except NotImplementedError:  # an exported program keeps the mode that it has
        return network


def _watch_sizes(network: nn.Module) -> "dict[LambdaLayer, int]":
    """Positions of the map that each lambda layer of ours gets, filled in by the network's next call."""
    sizes: dict[LambdaLayer, int] = {}
    for module in network.modules():
        if isinstance(module, LambdaLayer):
            sizes[module] = 0
            hooks: list[Any] = []

            def note(layer: Any, given: tuple[Any, ...], hooks: list[Any] = hooks) -> None:
                sizes[layer] = given[0].shape[-2] * given[0].shape[-1]
                hooks.pop().remove()

            hooks.append(module.register_forward_pre_hook(note))
    return sizes


def _keep_arrays(folder: Path, given: Any, output: Any) -> None:
    named = {f"input{place}": tensor.numpy() for place, tensor in enumerate(tensors(given))}
    named |= {f"output{place}": tensor.float().numpy() for place, tensor in enumerate(tensors(output))}
    np.savez(folder / ARRAYS, **named)


def _written(
    network: nn.Module, given: tuple[Any, dict[str, Any]], facts: ExportFacts, asked: ExportAsked, folder: Path
) -> ExportFacts:
    """The facts with those of the file, which is written. Raises UnsupportedError with the exporter's reason in a sentence."""
    exporter = importlib.import_module(f"{__package__}.exporters.{asked.format}")
    if asked.case.dtype == "float16":
        network, given = network.half(), mapped(_halved, given)
    path = folder / facts.file
    for name in exporter.IMPORTS:
        importlib.import_module(name)
    torch.set_num_threads(asked.case.threads or 1)
    start_s = time.perf_counter()
    try:
        with torch.no_grad():
            version = exporter.export(network, *given, path)
    except LambdabenchError:
        raise
    except Exception as error:
        raise UnsupportedError(
            f"{asked.case.model} cannot be exported to {asked.format} by torch {torch.__version__}: {sentence(error)}; "
            "use --backend torch_eager"
        ) from error
    seconds = time.perf_counter() - start_s
    size = sum(part.stat().st_size for part in folder.glob(f"{path.name}*"))
    return dataclasses.replace(
        facts, seconds=seconds, file_bytes=size, exporter=f"torch {torch.__version__}, {version}"
    )


def _quantised(workload: Workload, facts: ExportFacts, asked: ExportAsked, folder: Path) -> ExportFacts:
    """The facts of the file in 8-bit integers. Raises UnsupportedError with the quantiser's reason."""
    from .calibration_images import batches
    from .exporters import _int8

    images, source = (
        batches(workload, asked.case, asked.calibration, asked.seed) if asked.quantize == "static" else ([], "")
    )
    path, start_s = folder / facts.file, time.perf_counter()
    try:
        scheme = _int8.quantise(path, asked.quantize, images)
    except Exception as error:
        raise UnsupportedError(
            f"{asked.case.model} cannot be quantised ({asked.quantize}) by ONNX Runtime: {sentence(error)}; leave out quantize"
        ) from error
    return dataclasses.replace(
        facts,
        seconds=(facts.seconds or 0.0) + time.perf_counter() - start_s,
        file_bytes=sum(part.stat().st_size for part in folder.glob(f"{path.name}*")),
        exporter=f"{facts.exporter}, {scheme}{f', ranges from {source}' if source else ''}",
    )


def _halved(tensor: Any) -> Any:
    return tensor.half() if tensor.is_floating_point() else tensor
