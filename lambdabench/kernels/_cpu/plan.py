"""How many numbers a layer in training gives and keeps, as the library has them; of shapes alone, for every framework."""

from collections.abc import Sequence
from typing import NamedTuple

TOGETHER = 16
"""A position's projections fill whole multiples of so many channels."""
ROOM = 16
"""Numbers that the library may read behind the last projection."""
LARGE = 1 << 22
"""Numbers of a piece of the projections: for more than 32 MiB glibc maps memory anew each time, page by page as it is touched."""


class Plan(NamedTuple):
    """What follows from the shapes: of y, how many numbers outputs have, images in a piece of the projections where they are in
    pieces, and all sizes as the library takes them."""

    y: tuple[int, ...]
    room: int
    each: int
    kept: int
    parameters: int
    sizes: tuple[int, ...]


def planned(
    shape: Sequence[int], channels: Sequence[int], given: tuple[bool, bool], scope: Sequence[int] | None, heads: int
) -> Plan:
    """Of a map [b, d, height, width] and projections to so many channels; `given`: whether norms are, and a bias of content lambdas."""
    b, d, height, width = shape
    k, v, count = channels[0] // heads, channels[-1], sum(channels)
    content, of_norms = len(channels) == 3, (channels[0] + v) * given[0]
    area = 0 if scope is None else scope[0] * scope[1]
    of_image = height * width * (-(-count // TOGETHER) * TOGETHER)
    return Plan(
        (b, heads * v, height, width),
        b * of_image + ROOM,
        max(1, LARGE // of_image),
        3 * of_norms + b * k * (2 + v) * content,
        count * d + 2 * of_norms + k * given[1] + k * area,
        (b, height, width, height, width, heads, k, 1, v, *(scope or (1, 1))),
    )
