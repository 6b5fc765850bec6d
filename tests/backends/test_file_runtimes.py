"""Runtimes that run files: what is in force is read back, answers are held against eager's, and nothing but the runtime is loaded."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_networks import CASE, small, with_outputs

from lambdabench.core import registry
from lambdabench.core.errors import MissingExtraError, UnsupportedError
from lambdabench.core.record import Effective
from lambdabench.core.spec import Case, options_from
from lambdabench.machine.memory import HostMeter
from lambdabench.worker.opening_metrics import LiveBench, difference

RUNTIMES = ("onnxruntime", "openvino")
ABSENT = Path(__file__).parents[1] / "absent"


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> Any:
    pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    pytest.importorskip(request.param)
    return registry.load("backends", request.param)


def case(runtime: Any, **fields: Any) -> Case:
    return dataclasses.replace(CASE, backend=runtime.__name__.rpartition(".")[2], **fields)


def effective(runtime: Any, **fields: Any) -> Effective:
    asked = case(runtime, **fields)
    session = runtime.open_session(small(), asked, 0)
    settings = session.effective(session.call())
    session.close()
    assert difference(asked, settings) == ""
    return settings


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_those_that_compute(runtime: Any, threads: int) -> None:
    assert effective(runtime, threads=threads).threads == threads


def test_a_row_tells_exporter_format_and_what_the_runtime_was_set_to() -> None:
    onnxruntime = pytest.importorskip("onnxruntime") and registry.load("backends", "onnxruntime")
    runtime_words = effective(onnxruntime, options=options_from({"graph_optimization": "basic"})).runtime
    assert "opset" in runtime_words
    assert "CPUExecutionProvider, graph optimization basic" in runtime_words


def test_openvino_computes_in_the_precision_that_was_asked_for_whatever_the_processor_has() -> None:
    openvino = pytest.importorskip("openvino") and registry.load("backends", "openvino")
    assert "precision f32" in effective(openvino).runtime
    there = pytest.importorskip("openvino").Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    asked = case(openvino, dtype="bfloat16", param_dtype="bfloat16")
    if "BF16" in there:
        assert "precision bf16" in effective(openvino, dtype="bfloat16", param_dtype="bfloat16").runtime
    else:
        with pytest.raises(UnsupportedError, match="use --dtype float32"):
            openvino.open_session(small(), asked, 0)


def test_the_answer_is_eagers_to_rounding_and_its_difference_is_told(runtime: Any) -> None:
    session = runtime.open_session(small(), case(runtime), 0)
    bench = LiveBench(session, case(runtime), HostMeter)
    known = bench.from_file()
    assert known is not None
    assert known.difference is not None
    assert known.difference < 1e-5
    assert (known.export_s or 0) > 0
    assert known.file_bytes > 4 * 112
    assert known.load_s > 0
    assert (bench.parameters(), bench.parameter_bytes()) == (112, 448)
    session.close()


@pytest.mark.parametrize(("share", "is_wrong"), [(5e-5, False), (5e-4, True)])
def test_a_difference_that_is_no_rounding_is_a_wrong_output(
    runtime: Any, share: float, is_wrong: bool, tmp_path: Path
) -> None:
    """bfloat16 taken silently differs by more: steps of 4e-3."""
    moved = with_outputs(small(), tmp_path, lambda array: array + np.float32(share) * np.abs(array).max())
    session = runtime.open_session(moved, case(runtime), 0)
    problem = session.check(session.call())
    assert ("differs from eager float32" in problem) == is_wrong
    session.close()


def test_other_images_are_answered_and_not_held_against_the_first(runtime: Any) -> None:
    session = runtime.open_session(small(), case(runtime), 0)
    images = np.zeros((2, 3, 8, 8), np.float32)
    session.feed((images,))
    output = session.call()
    assert session.check(output) == ""
    assert session.array(output)[0] == pytest.approx(session.array(output)[1])
    session.close()


@pytest.mark.parametrize(
    ("fields", "mend"),
    [
        ({"mode": "train"}, "use --mode inference"),
        ({"layout": "channels_last"}, "leave out --layout"),
        ({"devices": 2}, "leave out --devices"),
        ({"dtype": "tf32"}, "use --dtype float32"),
    ],
)
def test_what_it_cannot_do_is_refused_with_what_to_ask(runtime: Any, fields: dict[str, Any], mend: str) -> None:
    with pytest.raises(UnsupportedError, match=mend):
        runtime.open_session(small(), case(runtime, **fields), 0)


@pytest.mark.parametrize("name", [*RUNTIMES, "executorch"])
def test_without_its_package_a_runtime_says_what_to_install(name: str) -> None:
    code = f"from lambdabench.core import registry; registry.load('backends', {name!r}).find_devices()"
    own = {"PYTHONPATH": os.pathsep.join((str(ABSENT), str(ABSENT.parents[1]))), "LAMBDABENCH_ABSENT": name}
    done = subprocess.run([sys.executable, "-c", code], env=os.environ | own, capture_output=True, text=True)
    last = done.stderr.strip().splitlines()[-1]
    assert MissingExtraError.__name__ in last
    assert f'pip install "lambdabench[{name}]"' in last
