"""Heads and sizes, without a framework."""

from ...core.errors import OptionError


def depth_of_heads(dim_out: int, heads: int) -> int:
    """Depth of a head's queries, keys and values, dim_out / heads. Raises OptionError where that is no whole number."""
    if heads < 1 or dim_out % heads:
        raise OptionError(f"dim_out {dim_out} does not divide into {heads} heads; choose heads that do")
    return dim_out // heads


def refuse_larger(numbers: tuple[int, int], size: tuple[int, int]) -> None:
    """Raises OptionError for a map (height, width) whose offsets the embeddings made for `size` do not cover."""
    if numbers[0] > size[0] or numbers[1] > size[1]:
        raise OptionError(f"the layer was made for maps up to {size}, found {numbers}; make it with size={numbers}")


def required_size(name: str, size: tuple[int, int] | None) -> tuple[int, int]:
    """The size, for layers whose embeddings depend on it. Raises OptionError where there is none."""
    if size is None:
        raise OptionError(f"{name} needs size=(height, width) of the layer's input")
    return size
