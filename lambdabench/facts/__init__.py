"""Published numbers with their sources. Speeds measured here join them on architecture and image size; nothing here was measured by us."""

import csv
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.spec import Options
from .paper import TABLES, PaperFigure, paper_figures, recipe
from .tags import more_data

__all__ = [
    "DEFAULT_WEIGHTS",
    "SOURCES",
    "Fact",
    "PaperFigure",
    "accuracies",
    "chosen",
    "more_data",
    "paper_figures",
    "recipe",
    "weight_names",
]

SOURCES = {
    "timm results-imagenet.csv": "https://github.com/huggingface/pytorch-image-models/blob/main/results/results-imagenet.csv",
    "tensorflow/tpu ResNet-RS README": "https://github.com/tensorflow/tpu/tree/master/models/official/resnet/resnet_rs",
} | {f"arXiv 2102.08602, {table}": "https://arxiv.org/abs/2102.08602" for table in TABLES}


VALIDATION_IMAGES = 50_000
"""Of ImageNet-1k."""
ALONE = "imagenet-1k"
DEFAULT_WEIGHTS = (ALONE,)
"""The best of the weights that were trained on ImageNet-1k alone, and taught by none that saw more: more data is no property of an
architecture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A published ImageNet-1k top-1 accuracy: percent of `images` validation images at `eval_px` pixels a side."""

    architecture: str
    tag: str
    eval_px: int
    crop: float | None
    value: float
    images: int
    source: str
    options: Options = ()
    """Options that make the network another than its name alone says."""

    @property
    def more_data(self) -> str:
        """The data beyond ImageNet-1k that its weights, or what taught them, saw; empty where there is none."""
        return more_data(self.architecture, self.tag)


def weight_names() -> frozenset[str]:
    """What `chosen` takes."""
    return frozenset({ALONE, "best", "all", *(one.tag for one in accuracies())})


def chosen(of_one: Sequence[Fact], weights: Sequence[str]) -> list[Fact]:
    """Which accuracies of one network count. Of "imagenet-1k" (trained on it alone), "best" (on whatever data), "all" (each of
    them) and tags, the first that it has; of several weights the best."""
    for name in weights:
        found = [one for one in of_one if name in ("best", "all", one.tag) or (name == ALONE and not one.more_data)]
        found.sort(key=lambda one: -one.value)
        if found:
            return found if name == "all" else found[:1]
    return []


@functools.cache
def accuracies() -> tuple[Fact, ...]:
    """Every accuracy in accuracy.csv, and those that the paper prints of networks with options."""
    return (*_of_names(), *_of_options())


def _of_options() -> tuple[Fact, ...]:
    """The first of a network's figures where several tables print it."""
    found: dict[tuple[str, Options], Fact] = {}
    for one in paper_figures():
        if one.metric == "top1" and one.options and one.image_px:
            fact = Fact(
                architecture=one.model,
                tag=recipe(one),
                eval_px=one.image_px,
                crop=None,
                value=one.value,
                images=VALIDATION_IMAGES,
                source=f"arXiv 2102.08602, {one.table}",
                options=one.options,
            )
            found.setdefault((fact.architecture, fact.options), fact)
    return tuple(found.values())


def _of_names() -> tuple[Fact, ...]:
    with (Path(__file__).parent / "accuracy.csv").open() as file:
        return tuple(
            Fact(
                architecture=row["architecture"],
                tag=row["tag"],
                eval_px=int(row["eval_px"]),
                crop=float(row["crop"]) if row["crop"] else None,
                value=float(row["top1"]),
                images=int(row["images"]),
                source=row["source"],
            )
            for row in csv.DictReader(file)
        )
