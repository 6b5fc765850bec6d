"""Our networks have the parameters and FLOPs that the paper prints, to the printed decimals, or the misprint is named and shown."""

import functools
from collections.abc import Mapping

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lambdabench import models
from lambdabench.core.spec import Options, Value, Wish
from lambdabench.facts import PaperFigure, paper_figures
from lambdabench.facts.paper import UNITS
from lambdabench.layers.lambda_layer import spec
from lambdabench.layers.lambda_layer.torch import LambdaLayer
from lambdabench.models.classification.torch import build

COUNTS = [
    paper_figure
    for paper_figure in paper_figures()
    if paper_figure.metric in ("parameters", "flops") and paper_figure.model
]


@functools.cache
def known() -> frozenset[str]:
    return frozenset(models.names())


def missing(paper_figure: PaperFigure) -> str:
    """The model or option of ours that a figure needs and that is not there; empty where all is."""
    if paper_figure.model not in known():
        return paper_figure.model
    takes = models.option_defaults(paper_figure.model)
    return next((f"{paper_figure.model} {key}" for key, _ in paper_figure.options if key not in takes), "")


@functools.cache
def parameters(model: str, image_px: int, options: Options) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(model, dict(options), image_px).parameters())


def flops(model: str, image_px: int, options: Mapping[str, Value]) -> float:
    """2 x multiply-accumulates of an image: those counted outside lambda layers, and the formula's for these.

    What a lambda layer executes is more than the paper counts: taps on the padding, and whole windows at the map's edge.
    """
    sizes: dict[str, tuple[int, int]] = {}
    with torch.device("meta"):
        network = build(model, dict(options), image_px).eval()
        images = torch.empty(1, 3, image_px, image_px)
    layers = {name: module for name, module in network.named_modules() if isinstance(module, LambdaLayer)}
    for name, layer in layers.items():
        layer.register_forward_pre_hook(lambda _, inputs, name=name: sizes.update({name: tuple(inputs[0].shape[2:])}))
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network(images)
    counts = counter.get_flop_counts()
    executed = sum(sum(counts[f"{type(network).__name__}.{name}"].values()) for name in layers)
    return counter.get_total_flops() - executed + sum(2 * macs(layers[name], sizes[name]) for name in layers)


def macs(layer: LambdaLayer, size: tuple[int, int]) -> int:
    """The formula's, for the options that the layer shows; a table as wide as the map and more is every position."""
    settings = {key: getattr(layer, key) for key in ("heads", "key_depth", "intra_depth")}
    settings["scope"] = 1 if layer.embeddings is None else layer.embeddings.shape[-1]
    settings |= {key: False for key in ("content", "position") if not getattr(layer, key, True)}
    return spec.macs(layer.to_queries.in_channels, layer.heads * layer.value_depth, size=size, **settings)


def count(paper_figure: PaperFigure) -> float:
    """Ours in the printed unit."""
    assert paper_figure.image_px
    if paper_figure.metric == "parameters":
        number = parameters(paper_figure.model, paper_figure.image_px, paper_figure.options)
    else:
        number = flops(paper_figure.model, paper_figure.image_px, dict(paper_figure.options))
    return number / UNITS[paper_figure.unit][1]


@pytest.mark.parametrize("paper_figure", COUNTS, ids=lambda item: f"{item.table}-{item.row}-{item.metric}")
def test_ours_is_what_the_paper_prints_or_what_contradicts_it(paper_figure: PaperFigure) -> None:
    if lacks := missing(paper_figure):
        pytest.skip(f"{lacks} is not there")
    ours = count(paper_figure)
    if paper_figure.derived:
        assert f"{ours:.{len(paper_figure.derived.partition('.')[2])}f}" == paper_figure.derived
        assert f"{ours:.{paper_figure.decimals}f}" != paper_figure.printed, "the paper is right: this is no misprint"
    else:
        assert f"{ours:.{paper_figure.decimals}f}" == paper_figure.printed


def test_table_11_is_not_the_network_of_its_caption() -> None:
    """Lambda layers in the last two stages, as the caption has it, give other figures at every scope."""
    printed = {
        dict(paper_figure.options).get("scope", 23): paper_figure.printed
        for paper_figure in paper_figures("Table 11")
        if paper_figure.metric == "flops"
    }
    captions = {scope: f"{flops('resnet50_ccll', 224, {'scope': scope}) / 1e9:.1f}" for scope in printed}
    assert captions == {3: "6.4", 7: "6.6", 15: "7.3", 23: "7.8", 31: "8.2", "global": "8.2"}
    assert not set(captions.items()) & set(printed.items())


def test_what_planning_is_told_is_what_is_counted_here() -> None:
    facts = models.describe(Wish(model="resnet50_ccll"))
    assert (facts.problem, facts.parameters) == ("", parameters("resnet50_ccll", 224, ()))


def test_every_network_of_the_paper_is_here() -> None:
    assert {missing(paper_figure) for paper_figure in paper_figures() if paper_figure.model} - {""} == set()
