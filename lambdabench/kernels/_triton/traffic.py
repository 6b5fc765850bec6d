"""Bytes that forward passes ask of the second-level cache for tables and values, and into how many programs they are shared out.

Counted from what the kernels load where their masks let them; in Triton's interpreter they load as much (tests/kernels/loaded_triton.py).
No hits in the first level are assumed. What is the same however a table is kept is left out: content, queries and outputs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Of a forward pass: positions of the map and of its context (rows, columns), images, channels of a value, bytes of one."""

    size: tuple[int, int]
    context: tuple[int, int]
    images: int
    channels: int
    itemsize: int

    def groups(self, chosen: Mapping[str, Any]) -> int:
        """Groups of images by groups of channels."""
        return _parts(self.images, chosen["IMAGES"]) * _parts(self.channels, chosen["CHANNELS"])

    def tiles(self, chosen: Mapping[str, Any]) -> int:
        """Tiles of the map."""
        return _parts(self.size[0], chosen["TY"]) * _parts(self.size[1], chosen["TX"])


@lru_cache(maxsize=512)
def splits(tiles: int, groups: int, processors: int, table_bytes: int, group_bytes: int) -> int:
    """Programs among which the groups of a tile are shared out, where a multiprocessor has one program at a time: as many as ask least
    of one multiprocessor, over all its turns, for the table once a program and the values of each group."""

    def asked(shares: int) -> int:
        return _parts(tiles * shares, processors) * (table_bytes + _parts(groups, shares) * group_bytes)

    return min(range(1, groups + 1), key=asked, default=1)


def shares(work: Work, chosen: Mapping[str, Any], processors: int, groups: int) -> int:
    """`splits` for tables that stay with a program, and groups of all channels where it has blocks of them."""
    columns = chosen["IMAGES"] * chosen["CHANNELS"] * chosen.get("BLOCKS", 1)
    group_bytes = chosen["HALO"] * columns * work.itemsize
    return splits(work.tiles(chosen), groups, processors, table_bytes(chosen, work.itemsize), group_bytes)


def stationary(work: Work, chosen: Mapping[str, Any], processors: int) -> int:
    """Bytes of tables that stay with their programs."""
    programs = work.tiles(chosen) * shares(work, chosen, processors, work.groups(chosen))
    return programs * table_bytes(chosen, work.itemsize)


def streamed(work: Work, chosen: Mapping[str, Any]) -> int:
    """Bytes of tables that are read for each group again, but for rows outside the map."""
    step, wide = chosen["AROUND"], chosen["TX"] + chosen["R_X"] - 1
    loaded = 0
    for y0 in range(0, work.size[0], chosen["TY"]):
        first = max(0, chosen["BEFORE_Y"] - y0) * wide // step * step
        last = min(chosen["TY"] + chosen["R_Y"] - 1, work.context[0] + chosen["BEFORE_Y"] - y0) * wide
        loaded += max(0, _parts(last - first, step)) * step
    part = table_bytes(chosen, work.itemsize) // chosen["HALO"]
    return part * loaded * _parts(work.size[1], chosen["TX"]) * work.groups(chosen)


def values(work: Work, chosen: Mapping[str, Any]) -> int:
    """Bytes of values, of each as often as there are tiles around which it is, however tables are kept."""
    wide = chosen["TX"] + chosen["R_X"] - 1
    down = _inside(work.size[0], work.context[0], chosen["TY"], chosen["BEFORE_Y"], _parts(chosen["HALO"], wide))
    across = _inside(work.size[1], work.context[1], chosen["TX"], chosen["BEFORE_X"], wide)
    loaded = sum(down[i // wide] * across[i % wide] for i in range(chosen["HALO"]))
    return loaded * work.images * work.channels * work.itemsize


def _inside(positions: int, there: int, tile: int, before: int, offsets: int) -> list[int]:
    """Along an axis, for each offset from a tile's first position around it: for how many tiles it is inside the context."""
    starts = range(0, positions, tile)
    return [sum(0 <= start - before + offset < there for start in starts) for offset in range(offsets)]


def table_bytes(chosen: Mapping[str, Any], itemsize: int) -> int:
    """Of one table."""
    return chosen["TY"] * chosen["TX"] * chosen["KP"] * chosen["HALO"] * itemsize


def _parts(whole: int, part: int) -> int:
    return -(-whole // part)
