"""The suites of backbones name networks that exist, at sizes for which an accuracy is published."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm

from lambdabench import models, suite
from lambdabench.facts import accuracies
from lambdabench.models.timm import torch as timm_twin

SUITES = Path(__file__).parents[1] / "suites"


def cells(name: str) -> Iterator[tuple[str, int | None]]:
    """(model, image size or None for its own) of a suite, read without its backends, which may not be here."""
    for grid in tomllib.loads((SUITES / f"{name}.toml").read_text())["grid"]:
        for axes in grid.get("rows", [grid]):
            names, sizes = axes["model"], axes.get("image_px")
            for model in names if isinstance(names, list) else [names]:
                for size in sizes if isinstance(sizes, list) else [sizes]:
                    yield model, size


@pytest.mark.parametrize("name", ["backbones", "imagenet-cpu", "imagenet-gpu"])
def test_every_model_has_a_published_accuracy_at_the_size_that_is_timed(name: str) -> None:
    known = {(accuracy.architecture, accuracy.eval_px) for accuracy in accuracies()}
    result = list(cells(name))
    assert len(result) == len(set(result))
    silent = [(model, px) for model, px in result if (model, px or timm_twin.native_px(model)) not in known]
    assert silent == []


def test_backbones_are_timms_and_many() -> None:
    wanted = {cell.case.model for cell in suite.load("backbones").cells}
    assert len(wanted) >= 24
    assert wanted <= set(timm_twin.names())
    other = {name for name in wanted if (config := timm.get_pretrained_cfg(name)) is None or config.num_classes != 1000}
    assert other == set(), "their answers would be refused"


@pytest.mark.parametrize("name", ["imagenet-cpu", "imagenet-gpu"])
def test_every_model_is_here(name: str) -> None:
    assert {model for model, _ in cells(name)} <= set(models.names())
