"""Flags of `run` and their like from Python, and options that are refused before anything is measured."""

from pathlib import Path

import pytest

from lambdabench import suite
from lambdabench.commands.show import repeat_command
from lambdabench.core.errors import LambdabenchError, RequestError, SuiteError
from lambdabench.core.flags import dashed
from lambdabench.suite.parse_overrides import overrides_of
from lambdabench.suite.validation import check_options


def test_models_are_names_and_references_any_number_of_them() -> None:
    assert overrides_of({"model": "resnet18, net.py:make"}).model == ("resnet18", "net.py:make")
    assert overrides_of({"model": ["resnet18", "resnet34"]}).model == ("resnet18", "resnet34")
    with pytest.raises(SuiteError, match=r"--model net\.tflite is a TensorFlow Lite model"):
        overrides_of({"model": "resnet18,net.tflite"}, dashed)


def test_sizes_are_numbers_or_shapes_of_one_flag() -> None:
    assert overrides_of({"image_px": "64,96x160,native"}).axes["image_px"] == (64, "3x96x160", "native")
    assert overrides_of({"input": "1x96x160,96x96"}).axes["image_px"] == ("1x96x160", "3x96x96")
    with pytest.raises(LambdabenchError, match="--image-px, --input: found both, expected one"):
        overrides_of({"image_px": 64, "input": "1x8x8"}, dashed)
    with pytest.raises(LambdabenchError, match="--image-px: found '96xwide', expected channels x height x width"):
        overrides_of({"image_px": "96xwide"}, dashed)
    with pytest.raises(LambdabenchError, match="--input: found '96'"):
        overrides_of({"input": "96"}, dashed)


def checked(options: str, folder: Path, model: str = "resnet18") -> None:
    path = folder / "mine.toml"
    path.write_text(f'schema = 1\n[[grid]]\nmodel = "{model}"\noptions = {{ {options} }}\n')
    check_options(suite.load(str(path)))


@pytest.mark.parametrize("model", ["resnet18", "resnet50_llll"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("features_only = true", "leave it out: --mode features asks for feature maps"),
        ("img_size = 64", "leave it out: --image-px says the size"),
        ("pretrained = true", "leave it out: speed is timed with random weights"),
        ("in_chans = 0", "found in_chans = 0, expected a whole number from 1 to"),
        ('num_classes = "ten"', "found num_classes = 'ten', expected a whole number from 0 to"),
    ],
)
def test_an_option_that_would_crash_later_is_refused_at_once(
    options: str, said: str, model: str, tmp_path: Path
) -> None:
    with pytest.raises(SuiteError, match=said):
        checked(options, tmp_path, model)


@pytest.mark.parametrize("model", ["resnet18", "resnet50_llll"])
def test_channels_and_classes_are_options_of_every_network_by_name(model: str, tmp_path: Path) -> None:
    checked("in_chans = 1, num_classes = 10", tmp_path, model)


CASE = {
    "suite": "quickstart", "kind": "model", "model": "resnet50", "device": "cpu", "backend": "torch_eager", "mode": "inference",
    "batch_size": 2, "image_px": 160, "dtype": "float32", "layout": "contiguous", "threads": 2, "devices": 1,
    "options": '{"input":"1x96x160"}',
}  # fmt: skip


def test_the_command_that_repeats_a_case_names_its_shape_its_model_and_its_options() -> None:
    assert "--models resnet50 " in repeat_command(CASE, Path("results"))
    assert " --input 1x96x160 --batch-size" in repeat_command(CASE, Path("results"))
    assert " --image-px 160 --batch-size" in repeat_command(CASE | {"options": "{}"}, Path("results"))
    assert "--model resnet18 " in repeat_command(CASE | {"model": "resnet18"}, Path("results"))
    assert "--model net.py:make " in repeat_command(CASE | {"model": "net.py:make"}, Path("results"))
    chosen = CASE | {"options": '{"input":"1x96x160","kernel":"einsum","scope":7}'}
    assert " --option kernel=einsum --option scope=7 " in repeat_command(chosen, Path("results"))
    assert "--option input" not in repeat_command(chosen, Path("results"))


def test_options_replace_those_of_a_suite_and_values_are_an_axis(tmp_path: Path) -> None:
    suite_file = tmp_path / "mine.toml"
    suite_file.write_text(
        'schema = 1\ntitle = "t"\nmetrics = ["latency"]\nreference = { model = "resnet50_llll" }\n'
        '[[grid]]\nmodel = "resnet50_llll"\noptions = { kernel = "conv2d", key_depth = 8 }\n'
    )
    wanted = suite.load(str(suite_file), overrides_of({"option": ["kernel=einsum,auto", "scope=7"]}))
    options = [dict(cell.case.options) for cell in wanted.cells]
    assert options == [{"kernel": kernel, "key_depth": 8, "scope": 7} for kernel in ("einsum", "auto")]
    same = suite.load(str(suite_file), overrides_of({"option": {"kernel": ["einsum", "auto"], "scope": 7}}))
    assert [cell.case for cell in same.cells] == [cell.case for cell in wanted.cells]


def test_images_for_calibration_ask_for_static_ranges() -> None:
    assert overrides_of({"calibration": "images"}).options == {"quantize": ("static",), "calibration": ("images",)}
    asked = overrides_of({"calibration": "images", "option": "quantize=none,static"}).options
    assert asked == {"quantize": ("none", "static"), "calibration": ("images",)}


@pytest.mark.parametrize("given", ["kernel", "=einsum", "kernel=", "a b=1"])
def test_an_option_that_says_nothing_is_an_error(given: str) -> None:
    with pytest.raises(RequestError, match="option"):
        overrides_of({"option": [given]})
