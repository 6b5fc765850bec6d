"""Networks by name: our families, anything timm has, and the user's own. No framework is imported until a network is made."""

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from ..core import registry
from ..core.errors import LambdabenchError, MissingExtraError
from ..core.ports import Workload
from ..core.spec import Case, ModelFacts, Value, Wish

OURS = ("resnet",)
"""Families with a spec of their own; timm's names are timm's."""
INSTALL = 'pip install "lambdabench[torch]"'


def ours() -> dict[str, str]:
    """Model name -> family, for our own."""
    return {name: family for family in OURS for name in _spec(family).VARIANTS}


def names() -> tuple[str, ...]:
    """Every model by name, ours first; timm's only where timm is installed."""
    theirs = _twin("timm", "torch").names() if find_spec("timm") and find_spec("torch") else ()
    return (*sorted(ours()), *theirs)


def option_defaults(name: str) -> Mapping[str, Value]:
    """Identity defaults of a model's options; empty for models that are not ours."""
    family = ours().get(name)
    return _spec(family).options_of(name) if family else {}


def create(name: str, *, framework: str = "torch", **options: Any) -> Any:
    """A network by name with random weights: ours, and anything timm has (torch.nn.Module for "torch").

    Raises UnknownNameError with the nearest name, LambdabenchError for an option it does not take, MissingExtraError.
    """
    if framework == "torch" and not find_spec("torch"):
        raise MissingExtraError(f"making a network needs torch: {INSTALL}")
    family = ours().get(name)
    if family is None:
        if framework != "torch" or name not in names():
            raise registry.unknown("model", name, names())
        return _twin("timm", framework).create(name, **options)
    takes = {*_spec(family).options_of(name), "num_classes", "in_chans", "image_px"}
    if strange := sorted(set(options) - takes):
        raise LambdabenchError(f"{name} takes no option {', '.join(strange)}; it takes {', '.join(sorted(takes))}")
    return _twin(family, framework).create(name, **options)


def create_workload(case: Case) -> Workload:
    """The network of a case with its inputs, loss and checks. Raises what `create` raises, UnsupportedError, or the user's own error."""
    task = "features" if case.mode == "features" else "classification"
    return _twin(task, "torch").create(case)


def describe(wish: Wish) -> ModelFacts:
    """Facts that planning needs, counted on the meta device; never raises: a problem is said in `problem`."""
    try:
        return importlib.import_module(f"{__package__}.classification.torch").describe(wish)
    except Exception as error:
        family = ours().get(wish.model, "timm" if "/" not in wish.model and ":" not in wish.model else "user")
        return ModelFacts(
            name=wish.model,
            family=family,
            native_px=224,
            problem=f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
        )


def _spec(family: str) -> Any:
    return importlib.import_module(f"{__package__}.{family}.spec")


def _twin(family: str, framework: str) -> Any:
    return importlib.import_module(f"{__package__}.{family}.{framework}")
