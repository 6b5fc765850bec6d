"""Published weights of timm's, from its cache or the hub."""

from typing import Any

import timm

from ..core.errors import EvaluationError
from ..core.spec import Case
from ..models.timm.torch import native_px
from .checkpoints import Array, to_numpy

SIZE = "img_size"


def pretrained(case: Case, tag: str) -> dict[str, Array]:
    """Published weights of a network by torch's names, for its size and options. Raises EvaluationError where they cannot be had."""
    options: dict[str, Any] = dict(case.options)
    name = f"{case.model}.{tag}" if tag else case.model
    if case.image_px != native_px(case.model):
        options[SIZE] = case.image_px
    try:
        network = _made(name, options)
    except Exception as error:  # each way of downloading fails in its own
        if isinstance(error, EvaluationError):
            raise
        raise EvaluationError(
            f"the weights {name} cannot be had ({type(error).__name__}: {_first_line(error)}): they are neither in the hub's cache here "
            "nor to be reached; give a file of weights by --checkpoint"
        ) from error
    return {key: to_numpy(item) for key, item in network.state_dict().items()}


def _made(name: str, options: dict[str, Any]) -> Any:
    """The network; those whose weights depend on the size are told it."""
    try:
        return timm.create_model(name, pretrained=True, **options)
    except TypeError:
        if SIZE not in options:
            raise
        return timm.create_model(name, pretrained=True, **{key: item for key, item in options.items() if key != SIZE})


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
