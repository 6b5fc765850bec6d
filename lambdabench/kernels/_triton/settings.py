"""What the kernels are compiled for, by stated rules: sizes of tiles and blocks, warps and stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import torch

LAMBDA_ROWS = 128
"""Rows [queries x k] of a product: two of the 64 that Hopper's tensor cores take at a time."""
COLUMNS, LEAST_CHANNELS = 64, 16
"""Columns of a program, and channels of one image among them at least."""
HEAD_ROWS = 32
"""Rows [images x heads] of a program at most, where one image has no more; half of it in 32 bits."""
LEAST_DEPTH = 16
"""Terms of a product on tensor cores at least, in 16 bits."""
RESIDENT = 128
"""Positions of a halo up to which the whole table is one operand, and stays with a program."""
SHARED_BYTES = {90: 232_448, 100: 232_448}
"""What a program can have of shared memory, by ten times the compute capability (CUDA C++ Programming Guide, technical specifications),
where products read operands from there: tables of wider windows stay in it. Elsewhere they would have to go through registers."""
TIGHT = (100,)
"""Those of them where only products with the fewest heads and keys leave registers for the next values; up to 64 bytes are spilled else."""
SQUARE = 8
"""Side of the context positions of a program that makes the values' gradient."""
WARPS = 8
TWO_PROGRAMS = 128
"""Registers of a thread with which a multiprocessor has two programs; a limit where the embeddings' gradient keeps to it without spills."""
LIMITED = (90, 100)
"""Compute capabilities, times ten, where it does: operands of products are read from shared memory there, and take no registers
(tests/kernels/compiled_triton.py; under the limit 68 bytes are spilled for 80, and for 120)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of a forward and a backward pass: tile of queries, key depth as the tables have it, and constants and options of each kernel.

    A kernel's `HALO` is the positions around a tile or square, padded to what it takes at a time. `table`: a program keeps it as one
    operand ("resident"), as several in shared memory ("stationary"), or reads it for each group of columns ("streamed").
    """

    tile: tuple[int, int]
    key_rows: int
    table: Literal["resident", "stationary", "streamed"]
    forward: dict[str, Any]
    queries: dict[str, Any]
    embeddings: dict[str, Any]
    values: dict[str, Any]


@lru_cache(maxsize=512)
def settings(
    heads: tuple[int, int, int],
    window: tuple[int, int],
    before: tuple[int, int],
    dtype: torch.dtype,
    precision: str,
    *,
    capability: int = 90,
    stream: bool = False,
) -> Settings:
    """For (heads, key depth, value depth), the window, its offsets before a query, the values' type, the products' precision, and the
    device's compute capability times ten (0: none of NVIDIA's). `stream`: no table stays in shared memory, though it had room.

    Products of 32 bits take less at a time: their operands are twice as large, and in registers where no tensor cores are used.
    """
    h, k, v = heads
    rows, half = key_rows(k), dtype != torch.float32
    exact = not half and precision == "ieee"
    at_a_time = max(1, LAMBDA_ROWS // rows)
    tile = _tile(at_a_time)
    halo = (tile[0] + window[0] - 1) * (tile[1] + window[1] - 1)
    every = {"H": h, "K": k, "KP": rows, "R_X": window[1], "BEFORE_Y": before[0], "BEFORE_X": before[1]}
    every |= {"PRECISION": precision, "num_warps": WARPS}
    tiled = every | {"TY": tile[0], "TX": tile[1]}
    seen = tiled | {"R_Y": window[0]}
    blocks = _blocks(h, v, COLUMNS // 2 if exact else COLUMNS, HEAD_ROWS if half else HEAD_ROWS // 2)
    stays = not stream and _has_registers(v, blocks["ROWS"], rows, capability)
    table, around = _table(seen | blocks, halo, half, SHARED_BYTES.get(capability, 0) if stays else 0)
    usual = half and blocks["ROWS"] == LEAST_DEPTH and k in (16, 32) and v % LEAST_CHANNELS == 0
    limit = {"maxnreg": TWO_PROGRAMS} if usual and capability in LIMITED else {}
    return Settings(
        tile=tile,
        key_rows=rows,
        table=table,
        forward=seen | blocks | around,
        queries=seen | blocks | around | {"BLOCKS": -(-v // blocks["CHANNELS"])},
        embeddings=tiled | blocks | _streamed(halo, 128 if half else 32, 2) | limit,
        values=every | blocks | _squares(window, max(1, at_a_time // (4 if exact else 1 if half else 2))),
    )


def _blocks(h: int, v: int, columns: int, head_rows: int) -> dict[str, int]:
    """How a program's columns are images and channels, and its rows images and heads."""
    channels = min(columns, max(LEAST_CHANNELS, power(v)))
    images = min(columns // channels, max(1, power(head_rows // h + 1) // 2))
    return {"IMAGES": images, "CHANNELS": channels, "ROWS": max(LEAST_DEPTH, power(images * h))}


def _table(
    chosen: dict[str, Any], halo: int, half: bool, shared_bytes: int
) -> tuple[Literal["resident", "stationary", "streamed"], dict[str, int]]:
    """How a program has its table, in so much shared memory."""
    if half and halo <= RESIDENT:
        return "resident", {"HALO": max(LEAST_DEPTH, power(halo)), "num_stages": 2}
    kept = _streamed(halo, 128, 1)
    if half and stationary_bytes(chosen | kept) <= shared_bytes:
        return "stationary", kept
    return "streamed", _streamed(halo, 64 if half else 32, 3)


def _has_registers(v: int, head_rows: int, depth: int, capability: int) -> bool:
    """Whether values of the next group find room in registers without spills. Channels that are no multiple of 16 are loaded one at a
    time, which takes more: at 24 of them 1.3 kB are spilled."""
    return v % LEAST_CHANNELS == 0 and (capability not in TIGHT or head_rows == depth == LEAST_DEPTH)


def stationary_bytes(chosen: Mapping[str, Any]) -> int:
    """Shared memory, at most, of a program that keeps a table of 16 bits there: beside it a part of the values, content lambdas and the
    factor by which they are added, and queries or the gradient of their output (as compiled: tests/kernels/compiled_triton.py)."""
    queries, columns, k = chosen["TY"] * chosen["TX"], chosen["IMAGES"] * chosen["CHANNELS"], chosen["KP"]
    lasting = queries * k * chosen["HALO"] + chosen["AROUND"] * columns
    return 2 * (lasting + (queries * k + columns) * k + queries * chosen["ROWS"] * max(k, columns))


def _streamed(halo: int, step: int, stages: int) -> dict[str, int]:
    return {"HALO": -(-halo // step) * step, "AROUND": step, "num_stages": stages}


def _squares(window: tuple[int, int], queries: int) -> dict[str, int]:
    around = (SQUARE + window[0] - 1) * (SQUARE + window[1] - 1)
    halo = -(-around // queries) * queries
    return {"R_Y": window[0], "TY": SQUARE, "TX": SQUARE, "HALO": halo, "QUERIES": queries, "num_stages": 2}


def _tile(queries: int) -> tuple[int, int]:
    """Rows and columns of as many queries, a power of two."""
    rows = 1 << (queries.bit_length() - 1) // 2
    return rows, queries // rows


def key_rows(k: int) -> int:
    """The key depth as tables have it: a power of two that a product on tensor cores takes."""
    return max(LEAST_DEPTH, power(k))


def power(n: int) -> int:
    """The least power of two that is not under n."""
    return 1 << max(n - 1, 0).bit_length()
