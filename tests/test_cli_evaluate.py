"""`lambdabench evaluate`: accuracies against timm called by hand, resuming, broken images, agreement, and every refusal."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config
from typer.testing import CliRunner, Result

from lambdabench import launch, models, store
from lambdabench.analysis.published_accuracy import what
from lambdabench.cli.app import app
from lambdabench.commands.evaluate import digest_of
from lambdabench.core import predictions
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.evaluation import SUITE
from lambdabench.core.predictions import Predictions
from lambdabench.core.spec import Device, Environment, Machine, Wish
from lambdabench.launch.probe import Found, _labels
from lambdabench.tasks import evaluate as task
from lambdabench.worker.__main__ import main

MODEL = "test_resnet"
CLASSES, IMAGES, EACH = 7, 42, 6
FOUND = {"top1", "top5", "agreement"}


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """A small network with weights that no one trained, whose outputs differ from image to image."""
    torch.manual_seed(0)
    made = timm.create_model(MODEL, num_classes=CLASSES)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    return made.eval()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven classes of six images of random blobs, of several sizes and formats."""
    random = np.random.default_rng(0)
    place = tmp_path_factory.mktemp("pictures") / "val"
    for number in range(IMAGES):
        folder = place / f"n{number % CLASSES:08d}"
        folder.mkdir(parents=True, exist_ok=True)
        blobs = Image.fromarray(random.integers(0, 256, (5, 6, 3), np.uint8))
        size = (170 + number, 190)
        blobs.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number}.{'jpeg' if number % 2 else 'png'}")
    return place


@pytest.fixture
def here(
    away: Path, network: torch.nn.Module, pictures: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with images and a checkpoint. The probe is known and the worker's errand runs in this process, which is quick."""
    shutil.copytree(pictures, "val")
    torch.save(network.state_dict(), "net.pt")

    def probe(wishes: Sequence[Wish]) -> Found:
        backends = ("torch_eager", "torch_compile", "jax_jit", "onnxruntime", "openvino")
        device = Device(name="cpu", title="a cpu", memory_bytes=2**33, backends=backends, gemm_flop_per_s=1e10)
        described = [(wish, models.describe(wish)) for wish in wishes]
        facts = {label: model_facts for wish, model_facts in described for label in _labels(model_facts, wish)}
        machine = Machine(devices=(device,), environment=dataclasses.replace(environment, cores=1))
        return Found(machine=machine, names=models.names(), facts=facts)

    def ask(errand: str, folder: Path, *, on_look: Callable[[], None], **_: Any) -> str:
        code = main([errand, str(folder)])
        on_look()
        return "" if code == 0 else "failed"

    monkeypatch.setattr(launch, "probe", probe)
    monkeypatch.setattr(sys.modules[launch.evaluate.__module__], "ask", ask)
    return away


def call(*words: str, model: str = MODEL) -> Result:
    known = ("evaluate", model, "--data", "val", "--checkpoint", "net.pt", "--num-classes", str(CLASSES))
    return CliRunner().invoke(app, [*known, "--batch-size", "8", *words])


def told(*words: str) -> dict[str, Any]:
    result = call(*words, "--json")
    assert result.exit_code == 0, result.output or result.exception
    return json.loads(result.stdout)


def refused(result: Result) -> str:
    assert isinstance(result.exception, LambdabenchError), result.output
    assert result.exception.exit_code == 2
    assert "\n" not in str(result.exception)
    assert not Path("results").exists()
    return str(result.exception)


def by_hand(network: torch.nn.Module, place: Path, dtype: torch.dtype = torch.float32) -> dict[str, list[int]]:
    """The classes of every image, the likeliest first, one image at a time by timm alone."""
    transform: Any = create_transform(**resolve_data_config(model=network), is_training=False)
    numbers: dict[str, list[int]] = {}
    with torch.inference_mode():
        for path in sorted(place.glob("*/*")):
            image = transform(Image.open(path).convert("RGB"))[None].to(dtype)
            logits = network.to(dtype)(image)[0].float()
            numbers[str(path.relative_to(place))] = logits.argsort(descending=True).tolist()
    network.float()
    return numbers


def label_of(name: str) -> int:
    return int(name.split("/")[0][1:])


def rows() -> Any:
    return store.newest(store.read(Path("results") / SUITE))


def only_file() -> Path:
    (path,) = predictions.files_in(Path("results") / SUITE / "predictions")
    return path


def test_accuracies_are_those_of_timm_called_by_hand(here: Path, network: torch.nn.Module) -> None:
    result, expected = told(), by_hand(network, Path("val"))
    for metric, count in (("top1", 1), ("top5", 5)):
        right = sum(label_of(name) in likeliest[:count] for name, likeliest in expected.items())
        assert result[metric]["value"] == pytest.approx(100 * right / IMAGES)
        assert result[metric]["images"] == IMAGES
        assert result[metric]["low"] < result[metric]["value"] < result[metric]["high"]
    assert 0 < result["top1"]["value"] < 100
    assert "agreement" not in result
    assert result["broken"] == []
    assert (result["looked_at"], result["images"], result["interrupted"]) == (IMAGES, IMAGES, False)
    assert result["preprocessing"].startswith("160 px, crop 0.95, bilinear, mean 0.5 0.5 0.5")


def test_rows_are_those_of_the_case_with_its_weights_and_images(here: Path) -> None:
    result = told()
    stored = rows().set_index("metric")
    assert set(stored.index) == {"top1", "top5"}
    for metric in stored.index:
        row = stored.loc[metric]
        assert (row["value"], row["low"], row["high"]) == tuple(result[metric][end] for end in ("value", "low", "high"))
        assert (row["unit"], row["origin"], row["status"], row["suite"]) == ("%", "measured", "ok", SUITE)
        assert (row["kind"], row["model"], row["backend"], row["dtype"]) == ("model", MODEL, "torch_eager", "float32")
        assert (row["image_px"], row["batch_size"], row["mode"]) == (160, 8, "inference")
        assert row["weights"] == result["weights"] == digest_of(Path("net.pt"))
        assert json.loads(row["options"]) == {
            "num_classes": CLASSES, "weights": result["weights"], "data": result["data"],
        }  # fmt: skip
        assert row["source"] == f"{IMAGES} images of val, {result['data']}"
        assert row["loops_per_sample"] == IMAGES
        assert (row["effective_device"], row["effective_output_dtype"]) == ("cpu", "float32")
        assert row["flags"] == ""


def test_the_same_command_again_looks_at_nothing_and_stores_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = told()
    assert first["file"] is not None
    monkeypatch.setattr(launch, "evaluate", lambda *_: pytest.fail("asked"))
    again = told()
    assert again["file"] is None
    assert {name: again[name] for name in ("top1", "top5")} == {name: first[name] for name in ("top1", "top5")}
    assert len(list(Path("results").rglob("*.parquet"))) == 1
    assert "stored already" in call().output


@pytest.mark.parametrize("torn", [b"", b"[3, [1, 0"])
def test_it_goes_on_where_it_was_stopped(here: Path, torn: bytes) -> None:
    whole = told("--results", "elsewhere")
    append, batches = predictions.append, list[int]()

    def interrupted(path: Path, answers: Any, heading: Any = None) -> None:
        if len(batches) == 2:
            raise KeyboardInterrupt
        batches.append(1)
        append(path, answers, heading)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictions, "append", interrupted)
        stopped = call()
    assert stopped.exit_code == 130
    assert "stopped: 16 of 42 images" in stopped.output
    assert "the same command goes on" in stopped.output
    assert not list(Path("results").rglob("*.parquet"))
    with only_file().open("ab") as file:
        file.write(torn)
    result = told()
    assert result["looked_at"] == IMAGES
    assert {name: result[name] for name in ("top1", "top5")} == {name: whole[name] for name in ("top1", "top5")}


def test_what_is_left_is_looked_at_and_no_more(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told("--results", "elsewhere")
    (there,) = predictions.files_in(Path("elsewhere") / SUITE / "predictions")
    place = Path("results") / SUITE / "predictions" / there.name
    place.parent.mkdir(parents=True)
    lines = there.read_bytes().splitlines(keepends=True)
    place.write_bytes(b"".join(lines[:17]) + lines[17][:5])
    looked: list[Path] = []
    reader = task.preprocessing.reader

    def counting(config: dict[str, Any]) -> Any:
        read = reader(config)

        def counted(path: Path) -> torch.Tensor:
            looked.append(path)
            return read(path)

        return counted

    monkeypatch.setattr(task.preprocessing, "reader", counting)
    result = told()
    assert len(looked) == IMAGES - 16
    assert result["top1"] == whole["top1"]
    assert Predictions(path=place).refresh().answers == Predictions(path=there).refresh().answers


def test_broken_images_are_counted_and_named(here: Path) -> None:
    whole = told("--results", "elsewhere")
    broken = sorted(Path("val").glob("n00000003/*"))
    broken[0].write_bytes(b"nothing of the kind")
    broken[1].write_bytes(broken[1].read_bytes()[:300])
    for path in broken[2:]:
        path.write_bytes(b"")
    result = told()
    assert [item["image"] for item in result["broken"]]
    assert len(result["broken"]) == EACH
    assert {item["image"] for item in result["broken"]} == {str(path.relative_to("val")) for path in broken}
    assert result["top1"]["images"] == IMAGES - EACH
    assert result["data"] != whole["data"]
    output = call().output
    assert "! 6 images cannot be read and are left out: n00000003/" in output
    assert "; and 1 more" in output
    assert rows()["source"].iloc[0].startswith("36 images of val")


def test_a_folder_of_broken_images_alone_writes_nothing(here: Path) -> None:
    for path in Path("val").glob("*/*"):
        path.write_bytes(b"broken")
    assert "none of the 42 images in val can be read; the first is n0000000" in refused(call())


def test_half_precision_is_held_against_float32(here: Path, network: torch.nn.Module) -> None:
    half = told("--dtype", "bfloat16")
    assert "agreement" not in half
    exact = told()
    expected, rounded = by_hand(network, Path("val")), by_hand(network, Path("val"), torch.bfloat16)
    same = sum(expected[name][0] == rounded[name][0] for name in expected)
    (other,) = exact["others"]
    assert (other["dtype"], other["backend"]) == ("bfloat16", "torch_eager")
    assert other["agreement"]["value"] == pytest.approx(100 * same / IMAGES, abs=100 * 2 / IMAGES)
    assert other["agreement"]["low"] < other["agreement"]["value"] <= other["agreement"]["high"] <= 100
    assert other["agreement"]["images"] == IMAGES
    stored = rows()
    assert stored[stored["metric"] == "agreement"]["dtype"].tolist() == ["bfloat16"]
    assert set(stored[stored["dtype"] == "bfloat16"]["metric"]) == FOUND
    assert stored[stored["dtype"] == "bfloat16"]["effective_param_dtype"].unique().tolist() == ["bfloat16"]
    output = call("--dtype", "bfloat16").output
    assert "as float32 eager %" in output
    assert output.count("torch_eager") == 2


def test_a_folded_network_agrees_with_the_plain_one(here: Path) -> None:
    told()
    folded = told("--option", "fold=true")
    assert folded["agreement"]["value"] == 100.0
    assert folded["top1"]["value"] == folded["others"][0]["top1"]["value"]


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_a_runtime_that_runs_files_agrees_with_torch(here: Path, backend: str) -> None:
    for name in ("onnx", "onnxscript", backend):
        pytest.importorskip(name)
    exact = told()
    ran = told("--backend", backend)
    assert ran["agreement"]["value"] == 100.0
    assert ran["top1"]["value"] == exact["top1"]["value"]
    assert "opset" in rows()[rows()["backend"] == backend]["effective_runtime"].iloc[0]


def test_of_8_bit_integers_accuracy_and_agreement_are_measured(here: Path) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    told()
    integers = told("--backend", "onnxruntime", "--option", "quantize=static", "--option", "calibration=val")
    assert 50 < integers["agreement"]["value"] <= 100
    stored = rows()[rows()["backend"] == "onnxruntime"]
    assert set(stored["metric"]) == FOUND
    assert "ranges from 32 images of val" in stored["effective_runtime"].iloc[0]


def test_a_quoted_accuracy_is_none_of_8_bit_integers() -> None:
    assert what({"quantize": "static", "fold": True}) == {"quantize": "static"}
    assert what({"quantize": "none", "calibration": ""}) == {}


def test_other_images_or_weights_are_not_held_against_each_other(here: Path, network: torch.nn.Module) -> None:
    told()
    assert told("--limit", "20", "--dtype", "bfloat16")["others"] == []
    state = {name: item + 0.01 if item.is_floating_point() else item for name, item in network.state_dict().items()}
    save_file(state, "net.safetensors")
    result = told("--checkpoint", "net.safetensors", "--dtype", "bfloat16")
    assert result["others"] == []
    assert "agreement" not in result
    assert len(rows()["case_id"].unique()) == 3


def test_a_part_says_so(here: Path) -> None:
    result = told("--limit", "20")
    assert (result["top1"]["images"], result["limited"]) == (20, True)
    assert rows()["flags"].unique().tolist() == ["limited"]
    assert "(a part of them)" in call("--limit", "20").output


def test_classes_txt_turns_the_outputs(here: Path, network: torch.nn.Module) -> None:
    names = [f"n{number:08d}" for number in range(CLASSES)][::-1]
    Path("val/classes.txt").write_text("\n".join(names))
    right = sum(
        CLASSES - 1 - label_of(name) == likeliest[0] for name, likeliest in by_hand(network, Path("val")).items()
    )
    assert told()["top1"]["value"] == pytest.approx(100 * right / IMAGES)


def test_classes_txt_may_name_more_than_there_are(here: Path) -> None:
    names = [f"n{number:08d}" for number in range(CLASSES)]
    whole = told("--results", "elsewhere")
    shutil.rmtree("val/n00000006")
    assert "has 6 classes (n00000000, n00000001, n00000002, ...), and test_resnet tells 7 apart" in refused(call())
    Path("val/classes.txt").write_text("\n".join(names))
    assert told()["top1"]["images"] == IMAGES - EACH != whole["top1"]["images"]


@pytest.mark.parametrize("backend", ["torch_eager", "jax_jit"])
def test_a_network_of_ours_says_the_same_on_both_frameworks(backend: str, here: Path) -> None:
    if backend == "jax_jit":
        pytest.importorskip("flax")
    torch.manual_seed(0)
    made = models.create("resnet50_cccc", image_px=32, num_classes=CLASSES)
    torch.save({"state_dict": made.state_dict(), "epoch": 3}, "ours.pt")
    words = ("--checkpoint", "ours.pt", "--image-px", "32", "--json", "--backend")
    result = call(*words, backend, model="resnet50_cccc")
    assert result.exit_code == 0, result.output or result.exception
    exact = json.loads(call(*words, "torch_eager", model="resnet50_cccc").stdout)
    assert json.loads(result.stdout)["top1"] == exact["top1"]
    if backend == "jax_jit":
        (other,) = exact["others"]
        assert (other["backend"], other["agreement"]["value"]) == ("jax_jit", 100.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--data", "absent"), "--data: there is no folder absent"),
        (("--data", "empty"), "--data: empty has no images, expected a folder for each class"),
        (("--num-classes", "5"), "has 7 classes (n00000000, n00000001, n00000002, ...), and test_resnet tells 5 apart"),
        (("--checkpoint", "absent.pt"), "--checkpoint: there is no file absent.pt"),
        (("--checkpoint", "other.pt"), "missing: conv1.0.weight"),
        (("--checkpoint", "list.pt"), "holds a list, expected a state dict"),
        (("--backend", "fake"), "--backend fake runs no network; use torch_eager"),
        (("--backend", "torch_eagr"), "did you mean 'torch_eager'?"),
        (("--dtype", "int8"), "--dtype: found 'int8', expected one of float32"),
        (("--device", "cuda"), "device cuda is not here for backend torch_eager; here: cpu"),
        (("--option", "fold"), "--option: found 'fold', expected key=value"),
        (("--option", "fold=true", "--backend", "jax_jit"), "test_resnet has no twin in JAX"),
    ],
)
def test_a_wrong_request_is_one_line_and_writes_nothing(words: tuple[str, ...], said: str, here: Path) -> None:
    Path("empty/n01").mkdir(parents=True)
    torch.save({"strange": torch.zeros(1)}, "other.pt")
    torch.save([torch.zeros(1)], "list.pt")
    assert said in refused(call(*words))


def test_a_wrong_model_or_tag_is_told_the_nearest(here: Path) -> None:
    assert "did you mean 'test_resnet'?" in refused(call(model="test_resnt"))
    assert "no weights of test_resnet is called 'r160_in2k'; did you mean 'r160_in1k'?" in refused(
        call(model="test_resnet.r160_in2k")
    )
    assert "is a detector and no classifier" in refused(call(model="mask_rcnn_resnet101"))


def test_nobody_publishes_weights_of_ours(here: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", "resnet50_llll", "--data", "val"])
    assert "nobody publishes weights of resnet50_llll; give a file of them by --checkpoint" in refused(result)


def test_results_that_cannot_be_written_are_told_before(here: Path) -> None:
    Path("results").write_text("a file")
    result = call()
    assert isinstance(result.exception, LambdabenchError)
    assert "give another --results" in str(result.exception)


def test_help_names_every_flag() -> None:
    output = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "200"}).output
    for flag in (
        "--data", "--checkpoint", "--backend", "--dtype", "--batch-size", "--limit", "--device", "--image-px",
        "--num-classes", "--option", "--results", "--json",
    ):  # fmt: skip
        assert flag in output


def test_speeds_show_the_measured_accuracy(here: Path, make_record: Callable[..., Any]) -> None:
    result = told()
    speed = make_record(
        "throughput", 50.0, model=MODEL, image_px=160, options=(("num_classes", CLASSES),), suite="quickstart"
    )
    store.write([speed], Path("results/quickstart/run1.parquet"))
    done = CliRunner().invoke(app, ["plot", "pareto", "--suite", "quickstart", "--out", "out"])
    assert done.exit_code == 0, done.output or done.exception
    drawn = (Path("out") / "pareto.csv").read_text()
    assert "measured" in drawn
    assert f"{result['top1']['value']:.4f}"[:5] in drawn
    report = CliRunner().invoke(app, ["report", "quickstart"])
    assert report.exit_code == 0, report.output or report.exception
    page = Path("reports/quickstart/index.md").read_text()
    assert f"{result['top1']['value']:.1f} ±" in page
    assert f" ({result['weights']})" in page
    assert "Accuracy is measured here" in page
    assert " q (" not in page
    shown = CliRunner().invoke(app, ["show", MODEL])
    assert f"top-1   {result['top1']['value']:.2f} % measured" in shown.output
    assert "lambdabench evaluate test_resnet --data DIR --checkpoint FILE --backend torch_eager" in shown.output


def test_a_killed_command_goes_on_and_the_program_loads_no_framework(
    away: Path, network: torch.nn.Module, pictures: Path
) -> None:
    """The whole way, through both programs: killed as it writes, then to its end."""
    torch.save(network.state_dict(), "net.pt")
    code = (
        "import sys; from lambdabench.cli.app import app; app(sys.argv[1:], standalone_mode=False);"
        "print({'torch', 'jax', 'timm'} & set(sys.modules))"
    )
    words = ["evaluate", MODEL, "--data", str(pictures), "--checkpoint", "net.pt", "--num-classes", str(CLASSES)]
    command = [sys.executable, "-c", code, *words, "--batch-size", "1", "--device", "cpu"]
    folder = Path("results") / SUITE / "predictions"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as started:
        while started.poll() is None and not any(len(path.read_bytes().splitlines()) > 4 for path in folder.glob("*")):
            time.sleep(0.001)
        os.kill(started.pid, signal.SIGKILL)
    (kept,) = predictions.files_in(folder)
    count = len(Predictions(path=kept).refresh().answers)
    assert count >= 4
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")
    assert f"test_resnet {IMAGES} of {IMAGES} images, top-1" in done.stderr
    assert Predictions(path=kept).refresh().is_complete
    assert set(rows()["metric"]) == {"top1", "top5"}


def test_without_a_hub_the_flag_is_named(away: Path, pictures: Path) -> None:
    """The worker itself, with timm's own way to the hub."""
    shutil.copytree(pictures, "val")
    names = [f"n{number:08d}" for number in range(1000)]
    Path("val/classes.txt").write_text("\n".join(names))
    done = subprocess.run(
        [sys.executable, "-m", "lambdabench", "evaluate", MODEL, "--data", "val", "--limit", "3", "--device", "cpu"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(away / "hub")},
    )
    assert done.returncode == 2, done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("error: the weights test_resnet.r160_in1k cannot be had (")
    assert said.endswith("give a file of weights by --checkpoint")
    assert not Path("results").exists()
