"""A checkpoint's conversion between the frameworks: what is asked and what came of it."""

from dataclasses import dataclass
from typing import Literal

from .spec import Options

Framework = Literal["torch", "jax"]
SAFETENSORS = ".safetensors"
STATE_DICTS = (".pt", ".pth")
"""torch's own files, which hold torch's names only."""
SUFFIXES = (SAFETENSORS, *STATE_DICTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """`to` None: to the framework that the source's names are not of, and to torch where the target is torch's own file."""

    model: str
    source: str
    target: str
    options: Options = ()
    image_px: int | None = None
    to: Framework | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """How many tensors were written, from and to which names; `problem` says why none were."""

    tensors: int = 0
    origin: Framework = "torch"
    to: Framework = "torch"
    problem: str = ""
