"""How a map is cut for a TPU's matrix unit: lanes, tiles of queries, and the positions around a tile. No arrays: sizes alone."""

from dataclasses import dataclass

LANES, SUBLANES, PACKED = 128, 8, 16
"""Of a vector register, and the rows in which two bytes an element lie (JAX, "Pallas TPU: tiling")."""
VMEM_BYTES = 96 * 2**20
"""Of vector memory that a program may take: v5e and v4 have 128 MiB a core as libtpu counts it (its compiler's own limit, below which both
compile; tests/kernels/test_pallas.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiles:
    """Sizes of one call. A lane is one value channel of one image; a tile is `queries` neighbours of a row."""

    size: tuple[int, int]
    context: tuple[int, int]
    heads: int
    key_depth: int
    value_depth: int
    batch: int
    key_rows: int
    """Key depth, padded to whole registers."""
    images: int
    """Of a group of lanes."""
    depth: int
    """Value depth, padded so that it divides lanes or lanes divide it."""
    queries: int
    before: tuple[int, int]
    window: tuple[int, int]
    """Offsets before a query and all of them, those that no query and context position have between them cut off."""
    around: int
    """Columns of context that a tile meets, padded."""
    padded: tuple[int, int]
    """Rows and columns of context, with the margins that tiles reach into."""

    @property
    def groups(self) -> int:
        """Registers' widths of lanes, over all images."""
        return -(-self.batch // self.images) * self.blocks

    @property
    def blocks(self) -> int:
        """Groups of one image's channels."""
        return max(1, self.depth // LANES)

    @property
    def columns(self) -> int:
        """Columns of queries, whole tiles."""
        return -(-self.size[1] // self.queries) * self.queries

    @property
    def rows(self) -> int:
        """Rows [queries x key depth] of a tile's lambdas."""
        return self.queries * self.key_rows


def cut(queries: tuple[int, ...], values: tuple[int, ...], window: tuple[int, ...]) -> Tiles:
    """For queries [b, y, x, h, k], values [b, j, i, v] and a table of `window` (rows, columns) offsets."""
    b, height, width, h, k = queries
    _, rows, columns, v = values
    key_rows = _whole(k, SUBLANES)
    count = max(SUBLANES, LANES // key_rows // SUBLANES * SUBLANES)
    before = (min(window[0] // 2, height - 1), min(window[1] // 2, width - 1))
    after = (min(window[0] // 2, rows - 1), min(window[1] // 2, columns - 1))
    offsets = (before[0] + after[0] + 1, before[1] + after[1] + 1)
    around = _whole(count + offsets[1] - 1, PACKED)
    last = (height - 1, _whole(width, count) - count)
    padded = (
        max(before[0] + rows, last[0] + offsets[0]),
        _whole(max(before[1] + columns, last[1] + around), PACKED),
    )
    depth = _whole(v, LANES) if v > LANES else 1 << (v - 1).bit_length()
    return Tiles(
        size=(height, width),
        context=(rows, columns),
        heads=h,
        key_depth=k,
        value_depth=v,
        batch=b,
        key_rows=key_rows,
        images=max(1, LANES // depth),
        depth=depth,
        queries=count,
        before=before,
        window=offsets,
        around=around,
        padded=padded,
    )


def vmem_bytes(tiles: Tiles, itemsize: int) -> int:
    """Of the backward pass, which takes more: values and their gradient in two buffers each, three tables, and a tile's own arrays."""
    values = tiles.padded[0] * tiles.padded[1] * LANES
    table = tiles.rows * tiles.window[0] * tiles.around
    met = tiles.window[0] * tiles.around * LANES
    return (
        2 * values * (itemsize + 4)
        + table * (4 * itemsize + 3 * 4)
        + 3 * met * 4
        + 8 * tiles.rows * tiles.heads * LANES * 4
    )


def flops(tiles: Tiles) -> tuple[int, int]:
    """FLOP of the matrix unit there, and back (lambdas made again): lambdas, and queries spread over lanes."""
    tiles_here = tiles.groups * tiles.size[0] * (tiles.columns // tiles.queries)
    product = 2 * tiles.rows * tiles.window[0] * tiles.around * LANES
    spread = 2 * tiles.rows * tiles.heads * LANES * max(SUBLANES, tiles.images)
    return tiles_here * (product + spread), tiles_here * (3 * product + 2 * spread)


def _whole(count: int, step: int) -> int:
    return -(-count // step) * step
