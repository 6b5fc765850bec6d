"""A case of a runtime from its name on: exported by another process, measured in one that has loaded the runtime and no framework."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import json, sys
from lambdabench.core.spec import Case, Job, Sampling
from lambdabench.core.visit_protocol import Asked, Length
from lambdabench.models import create_workload
from lambdabench.worker.open_cases import OpenCases

case = Case(model=sys.argv[2], backend=sys.argv[1], device="cpu", image_px=int(sys.argv[3]), param_dtype="float32", threads=1)
metrics = ("latency", "export_s", "difference", "parameters")
job = Job(job_id="0", case_id="0", case=case, metrics=metrics, sampling=Sampling())
cases = OpenCases(create_workload)
opened = cases.answer(Asked(what="open", job_id="0", job=job)).outcome
if opened.status == "ok":
    length = Length(timed_s=0.01, cold_s=0.0, least=1, most=3)
    visit = cases.answer(Asked(what="visit", job_id="0", length=length)).visit
    closed = cases.answer(Asked(what="close", job_id="0")).outcome
    assert visit.seconds and closed.status == "ok", closed
values = {item.metric: item.value for item in opened.measurements}
loaded = sorted({name.split(".")[0] for name in sys.modules} & {"torch", "timm", "jax", "onnx", "onnxscript", "openvino", "onnxruntime"})
print(json.dumps([opened.status, opened.reason, values, loaded, opened.weights]))
"""
NETWORK = """
import torch
from torch import nn

class Strange(nn.Module):
    def forward(self, x):
        return torch.linalg.svd(x)[1]

def small():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def strange():
    return Strange()
"""


def measured(folder: Path, *words: str, absent: str = "") -> list[object]:
    tests = Path(__file__).parents[1]
    path = os.pathsep.join((str(tests / "absent"), str(tests.parent)))
    own = {"PYTHONPATH": path, "LAMBDABENCH_CACHE": str(folder / "cache"), "LAMBDABENCH_ABSENT": absent}
    command = [sys.executable, "-c", CODE, *words]
    done = subprocess.run(command, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("torch", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    (tmp_path / "net.py").write_text(NETWORK)
    return tmp_path


def test_what_measures_has_loaded_the_runtime_and_no_framework_and_a_file_is_exported_once(folder: Path) -> None:
    status, reason, values, loaded, weights = measured(folder, "onnxruntime", "digits_lambda_s", "8")
    assert (status, reason, weights) == ("ok", "", "random")
    assert loaded == ["onnxruntime"]
    assert isinstance(values, dict)
    assert values["difference"] < 1e-4
    (kept,) = (folder / "cache" / "exports").glob("*/net.onnx")
    before = kept.stat().st_mtime_ns
    again = measured(folder, "onnxruntime", "digits_lambda_s", "8")[2]
    assert isinstance(again, dict)
    assert again["export_s"] == values["export_s"]
    assert kept.stat().st_mtime_ns == before


def test_a_network_that_cannot_be_exported_is_unsupported_with_the_exporters_reason(folder: Path) -> None:
    status, reason, *_ = measured(folder, "onnxruntime", "net.py:strange", "8")
    assert status == "unsupported"
    assert "cannot be exported to onnx by torch" in str(reason)
    assert "use --backend torch_eager" in str(reason)
    assert "svd" in str(reason).lower()


def test_a_file_of_the_users_needs_no_framework_at_all(folder: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, numbers = onnx.helper, onnx.TensorProto.FLOAT
    fed, given = (helper.make_tensor_value_info(name, numbers, [1, 3, 8, 8]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "net", [fed], [given])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), folder / "net.onnx")
    status, reason, values, loaded, weights = measured(folder, "onnxruntime", "net.onnx", "8", absent="torch,timm,jax")
    assert (status, reason, weights, loaded) == ("ok", "", "the user's", ["onnxruntime"])
    assert values == {"parameters": 0.0}, "nothing was exported, and nothing is there to compare with"


def test_without_torch_a_network_by_name_says_what_to_install(folder: Path) -> None:
    status, reason, *_ = measured(folder, "onnxruntime", "digits_lambda_s", "8", absent="torch,timm")
    assert (status, 'pip install "lambdabench[torch]"' in str(reason)) == ("unsupported", True)
