"""Published numbers with their sources. Speeds measured here join them on architecture and image size; nothing here was measured by us."""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

from .paper import TABLES, PaperFigure, paper_figures

__all__ = ["SOURCES", "Fact", "PaperFigure", "accuracies", "paper_figures"]

SOURCES = {
    "timm results-imagenet.csv": "https://github.com/huggingface/pytorch-image-models/blob/main/results/results-imagenet.csv",
    "tensorflow/tpu ResNet-RS README": "https://github.com/tensorflow/tpu/tree/master/models/official/resnet/resnet_rs",
} | {f"arXiv 2102.08602, {table}": "https://arxiv.org/abs/2102.08602" for table in TABLES}


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


@functools.cache
def accuracies() -> tuple[Fact, ...]:
    """Every accuracy in accuracy.csv."""
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
