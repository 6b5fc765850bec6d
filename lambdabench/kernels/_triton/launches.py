"""Launches of the kernels: grids, the tables they take, and the memory they write."""

import os
from contextlib import nullcontext
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from . import backward, forward, stationary, tables, traffic
from .settings import COLUMNS, SQUARE, Settings, key_rows, settings

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
GRID = 65_535
"""Programs on the second axis of a grid at most (CUDA C++ Programming Guide, technical specifications)."""
PROGRAMS = 2048
"""Programs among which a table is shared out at least, where there is as much to do: several times what a GPU has at a time."""
PROCESSORS = 132
"""Multiprocessors where no device says: an H200's (NVIDIA H200 data sheet, H100 Tensor Core GPU architecture)."""
SHARES = 264
"""Programs that make the embeddings' gradient: two for each of 132 multiprocessors. Fixed, so that sums are the same everywhere."""

FORWARD = {
    "resident": forward.resident_forward,
    "stationary": stationary.stationary_forward,
    "streamed": forward.streamed_forward,
}
QUERY_GRADIENTS = {
    "resident": backward.resident_query_gradients,
    "stationary": stationary.stationary_query_gradients,
    "streamed": backward.streamed_query_gradients,
}
"""By how a program has its table."""


def is_addressable(
    queries: Float[Tensor, "b h k height width"],
    values: Float[Tensor, "b v 1 height_m width_m"],
    embeddings: Float[Tensor, "k 1 r_y r_x"],
) -> bool:
    """Whether offsets are within 32 bits, those in the larger table too, and programs within what a grid has on its second axis."""
    b, v = values.shape[:2]
    k, _, r_y, r_x = embeddings.shape
    table = SQUARE**2 * key_rows(k) * (r_y + SQUARE) * (r_x + SQUARE)
    y = queries.numel() // k * v
    return max(queries.numel(), values.numel(), y, table) < 2**31 and b * _parts(v, COLUMNS // 2) <= GRID


def outputs(
    q: Float[Tensor, "b height width h k"],
    values: Float[Tensor, "b rows columns v"],
    content: Float[Tensor, "b k v"] | None,
    embeddings: Float[Tensor, "k 1 r_y r_x"],
    *,
    stream: bool = False,
) -> Float[Tensor, "b height width h v"]:
    """Queries applied to lambdas. `stream`: tables are read again for each group of columns, though shared memory had room for them."""
    seen, chosen = _chosen(q, values, embeddings, stream)
    table = _table(tables.within(embeddings, seen), chosen, values.dtype)
    y = values.new_empty((*q.shape[:4], values.shape[3]))
    given = (q, values, values if content is None else content, table, y)
    grid = _grid(q, values, chosen.table, chosen.forward, _groups(values, chosen.forward))
    launch(FORWARD[chosen.table], grid, *given, *_sizes(q, values), CONTENT=content is not None, **chosen.forward)
    return y


def gradients(
    d_y: Float[Tensor, "b height width h v"],
    q: Float[Tensor, "b height width h k"],
    values: Float[Tensor, "b rows columns v"],
    content: Float[Tensor, "b k v"] | None,
    embeddings: Float[Tensor, "k 1 r_y r_x"],
    *,
    stream: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Of queries, values and embeddings, in their shapes and types. `stream` as for `outputs`."""
    seen, chosen = _chosen(q, values, embeddings, stream)
    e, sizes = tables.within(embeddings, seen), _sizes(q, values)
    table, d_q = _table(e, chosen, values.dtype), torch.empty_like(q)
    given = (values, values if content is None else content, table, d_y, d_q)
    grid = _grid(q, values, chosen.table, chosen.queries, _parts(len(q), chosen.queries["IMAGES"]))
    launch(QUERY_GRADIENTS[chosen.table], grid, *given, *sizes, CONTENT=content is not None, **chosen.queries)

    halo, around = chosen.embeddings["HALO"], chosen.embeddings["HALO"] // chosen.embeddings["AROUND"]
    splits = min(_tiles(q, chosen.tile) * _groups(values, chosen.embeddings), _parts(SHARES, around))
    shares = torch.empty((splits, len(table), halo), dtype=torch.float32, device=q.device)
    launch(backward.embedding_gradients, (around, splits), q, values, d_y, shares, *sizes, **chosen.embeddings)
    d_e = tables.gradient(shares, chosen.tile, chosen.key_rows, q.shape[4], seen).to(embeddings.dtype)

    table = tables.of_context(e, (SQUARE, SQUARE), chosen.key_rows, chosen.values["HALO"], values.dtype)
    d_v = torch.empty_like(values)
    grid = (_tiles(values, (SQUARE, SQUARE)), _groups(values, chosen.values))
    launch(backward.value_gradients, grid, q, table, d_y, d_v, *sizes, **chosen.values)
    return d_q, d_v, d_e


def _chosen(q: Tensor, values: Tensor, embeddings: Tensor, stream: bool) -> tuple[tables.Window, Settings]:
    """Settings; a table that fits into shared memory stays there if that asks less of the second-level cache."""
    seen = tables.window(embeddings.shape[2:], q.shape[1:3], values.shape[1:3])
    heads = (q.shape[3], q.shape[4], values.shape[3])
    asked = (heads, seen.size, seen.before, values.dtype, _precision(values.dtype))
    capability = capability_of(values.device)
    chosen = settings(*asked, capability=capability, stream=stream)
    if chosen.table != "stationary":
        return seen, chosen
    streams, work = settings(*asked, capability=capability, stream=True), _work(q, values)
    kept_bytes = traffic.stationary(work, chosen.forward, processors_of(values.device))
    return seen, chosen if kept_bytes < traffic.streamed(work, streams.forward) else streams


def capability_of(device: torch.device) -> int:
    """Compute capability times ten; 0 where the device is none of NVIDIA's."""
    if device.type != "cuda" or torch.version.hip is not None:
        return 0
    properties = torch.cuda.get_device_properties(device)
    return 10 * properties.major + properties.minor


def processors_of(device: torch.device) -> int:
    """Multiprocessors."""
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else PROCESSORS


def _table(e: Tensor, chosen: Settings, dtype: torch.dtype) -> Float[Tensor, "queries_k halo"]:
    return tables.of_queries(e, chosen.tile, chosen.key_rows, chosen.forward["HALO"], dtype)


def _grid(q: Tensor, values: Tensor, table: str, chosen: dict[str, Any], groups: int) -> tuple[int, int]:
    """Of tiles, by groups of images and channels; programs that keep the table take several groups each where there are many."""
    tiles = _tiles(q, (chosen["TY"], chosen["TX"]))
    if table == "streamed":
        return tiles, groups
    if table == "stationary":
        return tiles, traffic.shares(_work(q, values), chosen, processors_of(values.device), groups)
    return tiles, min(groups, _parts(PROGRAMS, max(1, tiles)))


def _work(q: Tensor, values: Tensor) -> traffic.Work:
    b, rows, columns, v = values.shape
    return traffic.Work(
        size=(q.shape[1], q.shape[2]), context=(rows, columns), images=b, channels=v, itemsize=values.element_size()
    )


def _sizes(q: Tensor, values: Tensor) -> tuple[int, ...]:
    return (*q.shape[:3], *values.shape[1:])


def _tiles(tensor: Tensor, tile: tuple[int, int]) -> int:
    return _parts(tensor.shape[1], tile[0]) * _parts(tensor.shape[2], tile[1])


def _groups(values: Tensor, chosen: dict[str, Any]) -> int:
    """Groups of images by groups of channels."""
    return _parts(len(values), chosen["IMAGES"]) * _parts(values.shape[3], chosen["CHANNELS"])


def _parts(whole: int, part: int) -> int:
    return -(-whole // part)


def _precision(dtype: torch.dtype) -> str:
    """What the user lets a product of float32 be: "ieee" or "tf32". Reading `allow_tf32` raises once `fp32_precision` was set."""
    if dtype != torch.float32:
        return "tf32"
    matmul = torch.backends.cuda.matmul
    asked = getattr(matmul, "fp32_precision", None) or ("tf32" if matmul.allow_tf32 else "ieee")
    return "tf32" if asked == "tf32" else "ieee"


def launch(kernel: Any, grid: tuple[int, ...], *given: Any, **constants: Any) -> None:
    """On the device of the first tensor, which need not be the current one."""
    with nullcontext() if INTERPRETED else torch.cuda.device_of(given[0]):
        kernel[grid](*given, **constants)
