"""The worker's side of an evaluation: preprocessing as timm's own, checkpoints in every wrapping, and what is refused."""

import os
import pickle
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.numpy import save_file
from timm.data import create_transform, resolve_data_config

from lambdabench import models
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.spec import Case
from lambdabench.tasks import checkpoints, preprocessing
from lambdabench.tasks.pretrained import pretrained


def case_of(model: str, px: int, **options: Any) -> Case:
    return Case(
        model=model, device="cpu", image_px=px, threads=1, param_dtype="float32", options=tuple(sorted(options.items()))
    )


@pytest.mark.parametrize(
    "name", ["resnet50.a1_in1k", "vit_tiny_patch16_224.augreg_in21k_ft_in1k", "test_vit.r160_in1k"]
)
def test_an_image_goes_in_as_timm_has_it(name: str, tmp_path: Path) -> None:
    model, _, tag = name.partition(".")
    known = timm.get_pretrained_cfg(name)
    assert known is not None
    px = known.input_size[-1]
    config = preprocessing.config_of(case_of(model, px), tag)
    theirs = resolve_data_config(pretrained_cfg=known.to_dict())
    assert config == theirs
    pixels = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "image.png")
    tensor = preprocessing.reader(config)(tmp_path / "image.png")
    transform: Any = create_transform(**theirs, is_training=False)
    assert torch.equal(tensor, transform(Image.fromarray(pixels)))
    assert tensor.shape == (3, px, px)


def test_the_size_for_testing_has_its_own_crop() -> None:
    at_train, at_test, at_other = (
        preprocessing.config_of(case_of("resnet50", px), "a1_in1k") for px in (224, 288, 192)
    )
    assert (at_train["crop_pct"], at_test["crop_pct"], at_other["crop_pct"]) == (0.95, 1.0, 0.95)
    assert preprocessing.told(at_test) == ("288 px, crop 1, bicubic, mean 0.485 0.456 0.406, std 0.229 0.224 0.225")


def test_ours_have_a_description_of_their_own() -> None:
    config = preprocessing.config_of(case_of("resnet50_llll", 224), "")
    assert (config["input_size"], config["crop_pct"]) == (
        (3, 224, 224),
        models.default_cfg("resnet50_llll")["crop_pct"],
    )
    assert preprocessing.classes_of(case_of("resnet50_llll", 224), "") == 1000
    assert preprocessing.classes_of(case_of("resnet50_llll", 224, num_classes=7), "") == 7
    assert preprocessing.classes_of(case_of("vit_base_patch16_224", 224), "augreg_in21k") == 21843


def test_grey_and_transparent_images_become_three_channels(tmp_path: Path) -> None:
    read = preprocessing.reader(preprocessing.config_of(case_of("test_vit", 160), ""))
    for mode in ("L", "RGBA", "P", "1"):
        Image.new(mode, (50, 40)).save(tmp_path / "image.png")
        assert read(tmp_path / "image.png").shape == (3, 160, 160)


STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2, dtype=torch.bfloat16)}


@pytest.mark.parametrize(
    "wrapped",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3, "arch": "resnet18"},
        {"model": STATE, "optimizer": {"state": {}}},
        {"state_dict": {name: tensor + 1 for name, tensor in STATE.items()}, "state_dict_ema": STATE},
        {f"module.{name}": tensor for name, tensor in STATE.items()},
        {"state_dict": {f"_orig_mod.module.{name}": tensor for name, tensor in STATE.items()}},
    ],
)
def test_a_checkpoint_is_read_out_of_what_training_scripts_write(wrapped: Any, tmp_path: Path) -> None:
    torch.save(wrapped, tmp_path / "net.pth.tar")
    bare = checkpoints.bare(checkpoints.read(tmp_path / "net.pth.tar", checkpoints.PARTS))
    assert list(bare) == list(STATE)
    assert bare["a.bias"].dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(bare["a.weight"], STATE["a.weight"].numpy())


class Malicious:
    """Runs a command where it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("legacy", ["archive", "old torch.save", "plain pickle"])
@pytest.mark.parametrize("place", ["itself", "beside weights"])
def test_a_pickle_that_would_run_code_is_refused_and_runs_none(legacy: str, place: str, tmp_path: Path) -> None:
    trap, path = tmp_path / "ran", tmp_path / "net.pt"
    loaded: Any = Malicious(trap) if place == "itself" else {"model": STATE, "extra": Malicious(trap)}
    if legacy == "plain pickle":
        loaded = Malicious(trap) if place == "itself" else {"extra": Malicious(trap)}
        path.write_bytes(pickle.dumps(loaded))
    else:
        torch.save(loaded, path, _use_new_zipfile_serialization=legacy == "archive")
    with pytest.raises(LambdabenchError) as exception_info:
        checkpoints.read(path, checkpoints.PARTS)
    assert not trap.exists()
    said = str(exception_info.value)
    assert "\n" not in said
    assert "net.pt" in said
    if legacy == "archive":
        assert "holds more than tensors: loading it would call posix.system, which was not done" in said
    pickle.loads(pickle.dumps(Malicious(trap)))  # the trap works
    assert trap.exists()


def test_safetensors_keep_their_dtypes(tmp_path: Path) -> None:
    save_file({name: checkpoints.to_numpy(tensor) for name, tensor in STATE.items()}, tmp_path / "net.safetensors")
    result = checkpoints.read(tmp_path / "net.safetensors")
    assert result["a.bias"].dtype == ml_dtypes.bfloat16
    assert torch.equal(checkpoints.to_torch(result["a.weight"]), STATE["a.weight"])


def test_a_hub_that_cannot_be_reached_is_one_line_that_names_the_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_model(name: str, **options: Any) -> None:
        assert (name, options) == ("resnet18.a1_in1k", {"pretrained": True})
        raise ConnectionError("no route to host\nand more")

    monkeypatch.setattr(timm, "create_model", create_model)
    with pytest.raises(LambdabenchError) as exception_info:
        pretrained(case_of("resnet18", 224), "a1_in1k")
    assert "the weights resnet18.a1_in1k cannot be had (ConnectionError: no route to host)" in str(exception_info.value)
    assert "--checkpoint" in str(exception_info.value)
    assert "\n" not in str(exception_info.value)


def test_published_weights_are_taken_by_their_tag_and_for_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[str, dict[str, Any]]] = []
    network = torch.nn.Linear(2, 3)

    def create_model(name: str, **options: Any) -> torch.nn.Module:
        made.append((name, options))
        if "img_size" in options:
            raise TypeError("unexpected keyword argument 'img_size'")
        return network

    monkeypatch.setattr(timm, "create_model", create_model)
    result = pretrained(case_of("resnet18", 160), "a1_in1k")
    assert made == [
        ("resnet18.a1_in1k", {"pretrained": True, "img_size": 160}),
        ("resnet18.a1_in1k", {"pretrained": True}),
    ]
    np.testing.assert_array_equal(result["weight"], network.weight.detach().numpy())
