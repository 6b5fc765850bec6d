"""Networks as files: lambda layers become standard operators, as suits their maps, and answer as float64 does."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")

from exported_networks import CASE, Workload  # noqa: E402 (needs the packages above)

import lambdabench as lb  # noqa: E402
from lambdabench import kernels  # noqa: E402
from lambdabench.core import registry  # noqa: E402
from lambdabench.core.errors import UnsupportedError  # noqa: E402
from lambdabench.core.exported import ExportAsked, Exported, ExportFacts  # noqa: E402
from lambdabench.core.spec import Case, options_from  # noqa: E402
from lambdabench.tasks import calibration_images, export, exports  # noqa: E402


class Layer(Workload):
    """A lambda layer as a network."""

    def __init__(self, px: int, **options: Any) -> None:
        torch.manual_seed(0)
        settings: dict[str, Any] = {"size": (px, px), "heads": 2, "key_depth": 4, "scope": 5} | options
        self.network = lb.create_layer("lambda_layer", 8, 8, **settings)

    def inputs(self, case: Case, seed: int) -> tuple[Any, ...]:
        maker = torch.Generator().manual_seed(seed)
        return (torch.randn(case.batch_size, 8, case.image_px, case.image_px, generator=maker),)

    def check(self, output: Any, case: Case) -> str:
        return ""


def exported(workload: Any, folder: Path, px: int, **options: Any) -> ExportFacts:
    case = dataclasses.replace(CASE, image_px=px, options=options_from(options))
    return export.export(workload, ExportAsked(case=case, format="onnx", seed=0), folder)


@pytest.mark.parametrize(
    ("px", "kernel", "options"),
    [
        (6, "einsum", {}),
        (17, "conv2d", {}),
        (6, "einsum", {"scope": "global", "intra_depth": 2}),
        (6, "einsum", {"normalize": "l2", "stride": 2}),
    ],
)
def test_lambda_layers_are_standard_operators_that_answer_as_float64_does(
    px: int, kernel: str, options: dict[str, Any], tmp_path: Path
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    workload = Layer(px, **options)
    facts = exported(workload, tmp_path, px)
    assert facts.kernel == kernel
    graph = onnx.load(tmp_path / facts.file)
    assert {item.domain for item in graph.opset_import} == {""}
    (images,) = workload.inputs(dataclasses.replace(CASE, image_px=px), 0)
    session = onnxruntime.InferenceSession(tmp_path / facts.file)
    (output,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    exact = Layer(px, **options).network.double().eval()
    exact.run_as("einsum")
    with torch.no_grad():
        expected = exact(images.double()).numpy()
    assert np.abs(output - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_kernel_that_is_asked_for_stays_and_a_compiled_one_is_refused_where_files_have_none(tmp_path: Path) -> None:
    assert exported(Layer(6, kernel="conv2d"), tmp_path, 6, kernel="conv2d").kernel == "conv2d"
    for kernel, format_ in (("triton", "onnx"), ("cpu", "executorch")):
        case = dataclasses.replace(CASE, image_px=6, options=options_from({"kernel": kernel}))
        asked = ExportAsked(case=case, format=format_, seed=0)
        with pytest.raises(UnsupportedError, match=rf"kernel {kernel} is compiled code.*conv2d or einsum"):
            export.export(Layer(6), asked, tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scope": "global", "stride": 2},
        {"intra_depth": 2, "normalize": "l2"},
        {"content": False},
        {"position": False},
        {"normalize": "no_batch_norm"},
        {"intra_depth": 2, "content": False},
    ],
)
def test_the_compiled_kernel_is_an_operator_of_the_file_that_openvino_runs(
    options: dict[str, Any], tmp_path: Path
) -> None:
    openvino = pytest.importorskip("openvino") and registry.load("backends", "openvino")
    if problem := kernels.problem():
        pytest.skip(problem)
    workload = Layer(9, kernel="cpu", **options)
    case = dataclasses.replace(CASE, backend="openvino", image_px=9, options=options_from({"kernel": "cpu"}), threads=2)
    asked = ExportAsked(case=case, format="onnx", seed=0)
    file = Exported(folder=tmp_path, facts=export.export(workload, asked, tmp_path))  # pyright: ignore[reportArgumentType]
    assert (file.facts.kernel, file.facts.exporter.rpartition(", ")[2]) == ("cpu", "lambdabench 1")
    session = openvino.open_session(file, case, 0)
    output = session.call()
    assert session.check(output) == ""
    assert session.effective(output).kernel == "cpu"
    exact = Layer(9, kernel="conv2d", **options).network.double().eval()
    with torch.no_grad():
        expected = exact(workload.inputs(case, 0)[0].double()).numpy()
    assert np.abs(output[0] - expected).max() <= 1e-5 * np.abs(expected).max()
    session.close()
    half = dataclasses.replace(case, dtype="bfloat16")
    with pytest.raises(UnsupportedError, match=r"kernel cpu computes in float32 in OpenVINO.*use kernel auto"):
        openvino.open_session(file, half, 0)
    onnxruntime = registry.load("backends", "onnxruntime")
    with pytest.raises(UnsupportedError, match=r"has no headers.*use kernel auto, or --backend openvino"):
        onnxruntime.open_session(file, dataclasses.replace(case, backend="onnxruntime"), 0)


def key(seed: int = 0, quantize: str = "none", **change: Any) -> str:
    case = dataclasses.replace(CASE, **change)
    return exports._key(ExportAsked(case=case, format="onnx", seed=seed, quantize=quantize))


def test_an_export_depends_on_the_case_and_not_on_who_runs_it() -> None:
    assert key(threads=2, backend="openvino") == key()
    changes: list[dict[str, Any]] = [{"batch_size": 1}, {"image_px": 9}, {"dtype": "float16"}, {"options": (("a", 1),)}]
    assert len({key(), key(1), key(quantize="static"), *(key(**change) for change in changes)}) == 7


def test_what_was_used_longest_ago_is_removed_first(tmp_path: Path) -> None:
    import os

    for place, name in enumerate(("old", "new", "kept")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.onnx").write_bytes(bytes(100))
        os.utime(tmp_path / name, (place, place))
    exports._prune(tmp_path, keep=tmp_path / "kept", most_bytes=250)
    assert {path.name for path in tmp_path.iterdir()} == {"new", "kept"}


@pytest.mark.parametrize(
    ("scheme", "name"), [("dynamic", "onnxruntime"), ("static", "onnxruntime"), ("static", "openvino")]
)
def test_integers_of_8_bits_answer_nearly_and_say_how_they_were_made(scheme: str, name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")  # whose quantiser it is
    runtime = pytest.importorskip(name) and registry.load("backends", name)
    asked = ExportAsked(case=CASE, format="onnx", seed=0, quantize=scheme)
    file = Exported(folder=tmp_path, facts=export.export(Workload(), asked, tmp_path))
    assert f"int8 {scheme}" in file.facts.exporter
    assert ("32 seeded images of noise" in file.facts.exporter) == (scheme == "static")
    case = dataclasses.replace(CASE, backend=name, options=options_from({"quantize": scheme}))
    session = runtime.open_session(file, case, 0)
    assert session.check(session.call()) == ""
    assert 1e-4 < session.from_file().difference < 0.2
    session.close()


def test_ranges_are_taken_from_the_images_of_a_folder(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "images" / "a").mkdir(parents=True)
    for place in range(5):
        image.new("RGB", (10, 12), (40 * place, 0, 0)).save(tmp_path / "images" / "a" / f"{place}.png")
    case = dataclasses.replace(CASE, model="resnet18", image_px=8)
    arrays, source = calibration_images.batches(Workload(), case, str(tmp_path / "images"), 0)  # pyright: ignore[reportArgumentType]
    assert [batch[0].shape for batch in arrays] == [(2, 3, 8, 8)] * 2
    assert source.startswith("4 images of images (")
    with pytest.raises(UnsupportedError, match="calibration: there is no folder"):
        calibration_images.batches(Workload(), case, str(tmp_path / "absent"), 0)  # pyright: ignore[reportArgumentType]
