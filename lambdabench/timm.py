"""Importing this registers our models with timm: `import timm, lambdabench.timm; timm.create_model("lambda_resnet152")`.

They are called by their plain names, so only the package called lambdabench registers them and not a second copy of it.
"""

from collections.abc import Callable
from typing import Any

from timm.models import generate_default_cfgs, register_model
from torch import nn

from . import models

default_cfgs: dict[str, Any] = {}


def register() -> None:
    """Makes every classifier of ours one of timm's names. Registering twice changes nothing."""
    made = {name: _entry(name) for name, family in models.ours().items() if family in models.CLASSIFIERS}
    default_cfgs.update(generate_default_cfgs({name: models.default_cfg(name) for name in made}))
    for entry in made.values():
        register_model(entry)


def _entry(name: str) -> Callable[..., nn.Module]:
    def entry(pretrained: bool = False, **options: Any) -> nn.Module:
        given = {key: value for key, value in options.items() if value is not None}
        return models.create(name, pretrained=pretrained, **given)

    entry.__name__ = entry.__qualname__ = name
    entry.__doc__ = f"{name} of lambdabench."
    return entry


if __package__ == "lambdabench":
    register()
