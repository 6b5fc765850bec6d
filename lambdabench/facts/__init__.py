"""Published numbers with their sources. Speeds measured here join them on architecture and image size; nothing here was measured by us."""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

from ..core.spec import Options
from .paper import TABLES, PaperFigure, paper_figures

__all__ = ["SOURCES", "Fact", "PaperFigure", "accuracies", "paper_figures"]

SOURCES = {
    "timm results-imagenet.csv": "https://github.com/huggingface/pytorch-image-models/blob/main/results/results-imagenet.csv",
    "tensorflow/tpu ResNet-RS README": "https://github.com/tensorflow/tpu/tree/master/models/official/resnet/resnet_rs",
} | {f"arXiv 2102.08602, {table}": "https://arxiv.org/abs/2102.08602" for table in TABLES}


VALIDATION_IMAGES = 50_000
"""Of ImageNet-1k."""


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
                tag="paper_90_epochs",
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
