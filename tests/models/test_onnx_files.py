"""A user's .onnx file as it is: what it is fed is read off its graph, and what it does not take is told."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lambdabench import models
from lambdabench.core import sources
from lambdabench.core.errors import NetworkError, UnsupportedError
from lambdabench.core.exported import ARRAYS
from lambdabench.core.spec import Case, Wish
from lambdabench.models.users import onnx as files

onnx = pytest.importorskip("onnx")
CASE = Case(model="net.onnx", backend="onnxruntime", device="cpu", batch_size=3, image_px=6, param_dtype="float32")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write("net.onnx", ["batch", 3, "height", "width"])
    return tmp_path


def write(name: str, sides: list[Any]) -> None:
    """The mean of each map, times weights."""
    helper, numbers = onnx.helper, onnx.TensorProto.FLOAT
    weights = onnx.numpy_helper.from_array(np.ones((3, 5), np.float32), "w")
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),
    ]
    fed = helper.make_tensor_value_info("x", numbers, sides)
    given = helper.make_tensor_value_info("y", numbers, [sides[0], 5])
    graph = helper.make_graph(nodes, "net", [fed], [given], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), name)


def test_open_axes_take_the_case_and_counts_are_of_the_weights(folder: Path) -> None:
    facts = files.described(CASE, 0, folder)
    assert (facts.parameters, facts.parameter_bytes, facts.weights, facts.seconds) == (15, 60, "the user's", None)
    assert facts.exporter.endswith("opset 20")
    with np.load(folder / ARRAYS) as arrays:
        assert arrays["input0"].shape == (3, 3, 6, 6)
        assert arrays["input0"].dtype == np.float32


def test_fixed_axes_say_what_they_take(folder: Path) -> None:
    write("net.onnx", [1, 3, 8, 8])
    with pytest.raises(UnsupportedError, match=r"takes 1x3x8x8 as x.*use --batch-size 1 and --image-px 8"):
        files.described(CASE, 0, folder)
    assert models.describe(Wish(model="net.onnx")).native_px == 8


def test_facts_are_read_without_running_anything() -> None:
    facts = models.describe(Wish(model="net.onnx", image_px=6))
    assert (facts.problem, facts.parameters, facts.fed) == ("", 15, "float32 ?x3x?x?")


def test_what_is_no_graph_is_told() -> None:
    Path("net.onnx").write_bytes(b"no graph at all")
    with pytest.raises(NetworkError, match="is no ONNX graph"):
        files.describe(Wish(model="net.onnx"))


@pytest.mark.parametrize("backend", ["torch_eager", "jax_jit"])
def test_frameworks_name_the_runtimes_that_run_it(backend: str) -> None:
    framework = "torch" if backend == "torch_eager" else "jax"
    with pytest.raises(UnsupportedError, match="use --backend onnxruntime or --backend openvino"):
        models.create_workload(dataclasses.replace(CASE, backend=backend), framework)


def test_weights_beside_the_file_are_of_its_identity() -> None:
    before = sources.source_hash("net.onnx")
    Path("net.onnx.data").write_bytes(b"weights")
    assert sources.source_hash("net.onnx") != before
