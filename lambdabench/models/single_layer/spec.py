"""What a case says of a single layer, whichever framework makes it."""

from dataclasses import dataclass
from typing import Any

from ...core.errors import OptionError
from ...core.spec import Options

NO_LOSS = "a layer has no loss; its training step begins with a gradient of its output"
SIZE_PX = 56
"""Side of the map where none is asked for: c2 of a ResNet at 224 pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A layer and the map that it is given."""

    dim: int
    dim_out: int
    size: tuple[int, int]
    stride: int
    options: dict[str, Any]
    """The layer's own."""

    @property
    def size_out(self) -> tuple[int, ...]:
        return tuple(-(-side // self.stride) for side in self.size)


def read(name: str, options: Options, image_px: int | None) -> Asked:
    """What the options of a case ask for. Raises OptionError where they say no channels, or a size that is none."""
    given: dict[str, Any] = dict(options)
    size = size_of(options, image_px)
    given.pop("size", None)
    dim = given.pop("dim", None)
    if dim is None:
        raise OptionError(f"{name} needs options.dim, the channels of its input")
    dim_out, stride = int(given.pop("dim_out", dim)), int(given.pop("stride", 1))
    return Asked(dim=int(dim), dim_out=dim_out, size=size, stride=stride, options=given)


def size_of(options: Options, image_px: int | None) -> tuple[int, int]:
    """(Height, width): options.size as "28x40", else a square of `image_px`."""
    value = dict(options).get("size")
    if value is None:
        return image_px or SIZE_PX, image_px or SIZE_PX
    height, _, width = str(value).partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise OptionError(f'found options.size {value!r}, expected height and width as "28x40"')
    return int(height), int(width)
