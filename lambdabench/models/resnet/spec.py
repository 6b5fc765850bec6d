"""Variants of the family, without a framework."""

import dataclasses
import importlib
from typing import Any

from ...layers.lambda_layer import spec as lambda_layer
from .architecture import CONVOLUTION, LAMBDA, Architecture, blocks_of, filled, hybrid, placed

PLACEMENTS = ("cccc", "lccc", "llcc", "lllc", "llll", "clll", "ccll", "cccl")
"""arXiv 2102.08602, Table 13: what stands in place of the 3x3 of stages c2 to c5: c convolution, l lambda layer."""
BASELINES = {
    "axial": "axial_attention",
    "local": "local_attention",
    "global": "self_attention",
    "linear": "linear_attention",
}
"""arXiv 2102.08602, Tables 3 and 4: attention in place of every 3x3."""
BLOCKS = {
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
    270: (4, 29, 53, 4),
    350: (4, 36, 72, 4),
    420: (4, 44, 87, 4),
}
"""Bottlenecks of c2 to c5 by depth: He et al. (arXiv 1512.03385) to 152, arXiv 2103.07579, Table 10 beyond."""
LAMBDA_PLACES = {50: (3,), 101: (6, 12, 18), 152: range(5, 31, 5), 200: range(5, 31, 5), 270: range(8, 49, 8)} | {
    350: range(10, 61, 10),
    420: range(10, 81, 10),
}
"""Bottlenecks of c4, counted from 1, that hold a lambda layer in the hybrids (arXiv 2102.08602, Table 18)."""
LARGEST_PX = {50: 160, 101: 192, 152: 256, 200: 256, 270: 256, 350: 320, 420: 320}
"""The largest image at which arXiv 2102.08602, Table 19 and arXiv 2103.07579, Table 10 print an accuracy of that depth."""
ALL_LAMBDA_PX = {101: 224, 152: 320, 200: 320}
"""arXiv 2102.08602, Tables 14 and 15."""
BOTNETS = {
    "t3": ((3, 4, 6, 6), 224),
    "t4": ((3, 4, 23, 6), 224),
    "t5": ((3, 4, 23, 12), 256),
    "t6": ((3, 4, 6, 12), 320),
    "t7": ((3, 4, 23, 12), 384),
}
"""arXiv 2101.11605, section 4.8: bottlenecks and image size of each."""
DROP_OPTIONS: dict[str, float] = {"drop_rate": 0.0, "drop_path_rate": 0.0}
SHARED_OPTION: dict[str, bool] = {"shared_embeddings": False}
"""Lambda layers of a stage share one table of position embeddings (arXiv 2102.08602, Table 4)."""
REGULARISATION = {
    (50, 128): (0.2, 0.0),
    (50, 160): (0.2, 0.0),
    (101, 160): (0.3, 0.0),
    (101, 192): (0.2, 0.0),
    (152, 192): (0.3, 0.0),
    (152, 224): (0.3, 0.1),
    (152, 256): (0.3, 0.1),
    (152, 288): (0.3, 0.1),
    (270, 256): (0.3, 0.1),
    (350, 256): (0.3, 0.2),
    (350, 288): (0.3, 0.2),
    (350, 320): (0.3, 0.2),
    (420, 320): (0.3, 0.2),
}
"""arXiv 2102.08602, Table 20: (depth, image size) -> dropout, stochastic depth."""


def _revisited(depth: int, layers: tuple[tuple[str, ...], ...], squeezed: str, px: int | None = None) -> Architecture:
    """The ResNet-RS base (arXiv 2103.07579): ResNet-D, a strided 3x3 for the max-pool, squeeze-and-excitation of ratio 4."""
    return Architecture(
        layers=layers,
        native_px=px or LARGEST_PX[depth],
        stem="convolutions",
        pooled_shortcut=True,
        squeeze_stages=tuple(squeezed.split()),
    )


def _resnet50s() -> dict[str, Architecture]:
    counts = BLOCKS[50]
    architectures = {
        f"resnet50_{letters}": Architecture(layers=placed(counts, letters), native_px=224) for letters in PLACEMENTS
    }
    for name, layer in BASELINES.items():
        architectures[f"resnet50_{name}"] = Architecture(layers=filled(counts, layer), native_px=224)
    architectures["resnet50_se"] = (
        Architecture(  # ratio 16 as in arXiv 1709.01507: it gives the 28.1 M that Table 3 prints
            layers=placed(counts, "cccc"), native_px=224, squeeze_stages=("c2", "c3", "c4", "c5"), squeeze_ratio=16
        )
    )
    return architectures


def _resnet_rss() -> dict[str, Architecture]:
    architectures: dict[str, Architecture] = {}
    for depth, counts in BLOCKS.items():
        architectures[f"resnet_rs{depth}"] = _revisited(depth, placed(counts, "cccc"), "c2 c3 c4 c5")
        architectures[f"resnet_rs{depth}_plain"] = _revisited(depth, placed(counts, "cccc"), "")
    return architectures


def _lambda_resnets() -> dict[str, Architecture]:
    """Squeeze-and-excitation stands in c2 and c3 alone: only so do the printed counts of Tables 5, 14 and 15 come out."""
    architectures = {
        f"lambda_resnet{depth}": _revisited(depth, hybrid(counts, LAMBDA_PLACES[depth]), "c2 c3")
        for depth, counts in BLOCKS.items()
    }
    for depth, px in ALL_LAMBDA_PX.items():
        architectures[f"lambda_resnet{depth}_c4"] = _revisited(depth, placed(BLOCKS[depth], "ccll"), "c2 c3", px)
    small_scope = _revisited(270, placed(BLOCKS[270], "ccll"), "c2 c3", 256)
    architectures["lambda_resnet270_c4_r7"] = dataclasses.replace(small_scope, options=(("scope", 7),))
    return architectures


def _botnets() -> dict[str, Architecture]:
    """Self-attention in c5, squeeze-and-excitation of ratio 16 everywhere: it gives the printed counts of T3 to T7, which are of
    kernels alone (facts/counts.py)."""
    return {
        f"botnet_{name}": Architecture(
            layers=filled(counts, "self_attention", stages=(3,)),
            native_px=px,
            squeeze_stages=("c2", "c3", "c4", "c5"),
            squeeze_ratio=16,
            activation="silu",
            last_stride=1,
            options=(("heads", 4),),
        )
        for name, (counts, px) in BOTNETS.items()
    }


VARIANTS: dict[str, Architecture] = {**_resnet50s(), **_resnet_rss(), **_lambda_resnets(), **_botnets()}


def native_px(name: str) -> int:
    """Pixels a side of the images that a variant is meant for."""
    return VARIANTS[name].native_px


def interaction_bytes(name: str, *, image_px: int, batch_size: int, **options: Any) -> int:
    """Bytes in float32 of what holds the interactions of positions, by the formula of arXiv 2102.08602, Table 4.

    Attention weights, or position embeddings, of every layer at the size of its output; one table a stage where embeddings are shared.
    """
    architecture = VARIANTS[name]
    settings = options_of(name) | options
    if not architecture.kind:
        return 0
    layer = importlib.import_module(f"...layers.{architecture.kind}.spec", __package__)
    mine = {key: settings[key] for key in layer.OPTIONS}
    result: dict[tuple[int, int], int] = {}
    for place, block in enumerate(blocks_of(architecture, (image_px, image_px))):
        if block.layer != CONVOLUTION:
            shared = bool(settings.get("shared_embeddings"))
            result[block.stage, 0 if shared else place] = layer.interaction_elements(
                block.width, block.width, size=block.size_out, batch_size=batch_size, **mine
            )
    return 4 * sum(result.values())


def options_of(name: str) -> dict[str, int | float | str | bool]:
    """The options that a variant takes, with their identity defaults: its layer's, and those of training."""
    architecture = VARIANTS[name]
    numbers: dict[str, int | float | str | bool] = dict(DROP_OPTIONS)
    if architecture.kind == LAMBDA:
        numbers |= lambda_layer.OPTIONS | SHARED_OPTION
    elif architecture.kind:
        numbers |= importlib.import_module(f"...layers.{architecture.kind}.spec", __package__).OPTIONS
    return numbers | dict(architecture.options)
