"""What inputs() beside a user's callable is asked for. No framework is imported."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ...core.errors import NetworkError
from ...core.shapes import Shape


def names_of(inputs: Callable[..., Any], reference: str) -> dict[str, str]:
    """ "batch_size" and "image_px" -> how inputs() calls them; the first argument is the batch size whatever its name."""
    given = [
        parameter
        for parameter in inspect.signature(inputs).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    names = [parameter.name for parameter in given]
    strange = [
        parameter.name
        for parameter in given[1:]
        if parameter.default is parameter.empty and parameter.name not in ("batch_size", "image_px")
    ]
    if strange or any(parameter.kind is parameter.POSITIONAL_ONLY for parameter in given):
        raise NetworkError(
            f"inputs() of {reference} takes {', '.join(names)}, expected batch_size, and image_px where its size may vary"
        )
    result = {name: name for name in ("batch_size", "image_px") if name in names}
    if names and "batch_size" not in result and names[0] != "image_px":
        result["batch_size"] = names[0]
    return result


def sizes_of(names: Mapping[str, str], batch_size: int, shape: Shape | None) -> dict[str, Any]:
    """Keywords for inputs() by the names that it has for them; image_px is a number, or (height, width) where they differ."""
    px = None if shape is None else shape.height if shape.height == shape.width else (shape.height, shape.width)
    sizes = {"batch_size": batch_size, "image_px": px}
    return {key: sizes[name] for name, key in names.items() if sizes[name] is not None}
