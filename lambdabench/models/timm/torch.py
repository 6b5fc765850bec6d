"""timm's models and what timm knows of them."""

import functools
from typing import Any

import timm
from torch import nn


@functools.cache
def names() -> tuple[str, ...]:
    """Every architecture of timm, without tags."""
    return tuple(timm.list_models())


def create(name: str, **options: Any) -> nn.Module:
    """The architecture `name` with random weights."""
    return timm.create_model(name, pretrained=False, **options)


def native_px(name: str) -> int:
    """The side of the input of the default weights, in pixels; the model is not built."""
    config = timm.get_pretrained_cfg(name)
    return int(config.input_size[-1]) if config is not None else 224


def tags(name: str) -> tuple[str, ...]:
    """Weight tags, the default first."""
    full = timm.list_models(f"{name}.*", pretrained=True)
    first = timm.get_pretrained_cfg(name)
    default = getattr(first, "tag", None) if first is not None else None
    texts = [name.partition(".")[2] for name in full]
    return tuple(sorted(texts, key=lambda tag: tag != default))
