"""Published numbers with their sources. Speeds measured here join them on architecture and image size; nothing here was measured by us.

timm.csv holds what timm publishes of its weights and is written by generate.py, accuracy.csv what others print of theirs, paper.csv what
the LambdaNetworks paper prints. They are read when something asks for them.
"""

import csv
import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..core.spec import Options
from . import weights as timm_weights
from .fact import VALIDATION_IMAGES, Fact
from .licences import is_permissive
from .paper import TABLES, PaperFigure, paper_figures, recipe
from .tags import seen

__all__ = [
    "DEFAULT_WEIGHTS",
    "SOURCES",
    "Fact",
    "PaperFigure",
    "accuracies",
    "chosen",
    "is_permissive",
    "paper_figures",
    "recipe",
    "weight_names",
]

SOURCES = {
    timm_weights.SOURCE: timm_weights.URL.format(commit="main"),
    "tensorflow/tpu ResNet-RS README": "https://github.com/tensorflow/tpu/tree/master/models/official/resnet/resnet_rs",
} | {f"arXiv 2102.08602, {table}": "https://arxiv.org/abs/2102.08602" for table in TABLES}
ALONE = "imagenet-1k"
DEFAULT_WEIGHTS = (ALONE,)
"""The best of the weights that were trained on ImageNet-1k alone, and taught by none that saw more: more data is no property of an
architecture."""


@functools.cache
def weight_names() -> frozenset[str]:
    """What `chosen` takes."""
    return frozenset({ALONE, "best", "all", *(accuracy.tag for accuracy in accuracies())})


def chosen(of_one: Sequence[Fact], weights: Sequence[str]) -> list[Fact]:
    """Which accuracies of one network count. Of "imagenet-1k" (trained on it alone), "best" (on whatever data), "all" (each of
    them) and tags, the first that it has; of several weights the best."""
    for name in weights:
        facts = [fact for fact in of_one if name in ("best", "all", fact.tag) or (name == ALONE and not fact.more_data)]
        facts.sort(key=lambda fact: -fact.value)
        if facts:
            return facts if name == "all" else facts[:1]
    return []


@functools.cache
def accuracies() -> tuple[Fact, ...]:
    """Every accuracy in timm.csv and accuracy.csv, and those that the paper prints of networks with options."""
    return (*timm_weights.read(), *_of_names(), *_of_options())


def _of_options() -> Iterable[Fact]:
    """The first of a network's figures where several tables print it."""
    facts: dict[tuple[str, Options], Fact] = {}
    for paper_figure in paper_figures():
        if paper_figure.metric == "top1" and paper_figure.options and paper_figure.image_px:
            source = f"arXiv 2102.08602, {paper_figure.table}"
            fact = _printed(
                paper_figure.model,
                recipe(paper_figure),
                paper_figure.image_px,
                value=paper_figure.value,
                source=source,
                options=paper_figure.options,
            )
            facts.setdefault((fact.architecture, fact.options), fact)
    return facts.values()


def _of_names() -> Iterable[Fact]:
    with (Path(__file__).parent / "accuracy.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name, tag, px = row["architecture"], row["tag"], int(row["eval_px"])
            yield _printed(name, tag, px, value=float(row["top1"]), source=row["source"])


def _printed(architecture: str, tag: str, eval_px: int, *, value: float, source: str, options: Options = ()) -> Fact:
    """An accuracy of which its source says no more."""
    what = seen(architecture, tag)
    return Fact(
        architecture=architecture,
        tag=tag,
        eval_px=eval_px,
        crop=None,
        value=value,
        images=VALIDATION_IMAGES,
        source=source,
        options=options,
        data=what.data,
        taught_by=what.taught_by,
    )
