"""For CUDA, in Triton: lambdas of a tile of queries by one matrix product, met by the queries where they are made; none is stored.

A program has a tile of queries and a block of columns, each column one channel of one image. Embeddings between the tile and the
positions around it, [queries x k, around], times values [around, columns] are position lambdas [queries x k, columns] in registers;
content lambdas are added and queries multiplied with them there. The backward pass makes them again. Accumulates in float32.
Not measured on a GPU yet, so "auto" does not choose it.
"""

# ruff: noqa: PLR0917 (sizes are arguments of a kernel)

import os
from contextlib import nullcontext
from typing import Any

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor

from ..core.registry import ROOT
from . import _operator, conv2d

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
TILE_ROWS, TILE_COLUMNS = 2, 4
"""Queries of a program."""
AROUND = 32
"""Positions around a tile that are multiplied at a time."""
BLOCK = 64
"""Columns of a program: channels of images."""
WARPS, STAGES = 8, 3


def apply(
    queries: Float[Tensor, "b h k height width"],
    values: Float[Tensor, "b v u height_m width_m"],
    content: Float[Tensor, "b k v"] | None,
    embeddings: Float[Tensor, "k u r_y r_x"] | None,
) -> Float[Tensor, "b h v height width"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out.

    On another device or one before compute capability 8.0, in float64, for an intra-depth over 1, from 2^31 elements on and within
    a transform of torch.func the portable kernel runs.
    """
    if not (runs(values, values.shape[2]) and _is_addressable(queries, values)) or _operator.in_transform():
        return conv2d.apply(queries, values, content, embeddings)
    return _apply(queries, values, content, embeddings)


def runs(like: Tensor, intra_depth: int = 1) -> bool:
    """Whether this kernel is for such tensors and such an intra-depth."""
    here = INTERPRETED or (like.is_cuda and torch.cuda.get_device_capability(like.device) >= (8, 0))
    return here and intra_depth == 1 and like.dtype in (torch.float32, torch.bfloat16, torch.float16)


def _is_addressable(queries: Tensor, values: Tensor) -> bool:
    """Whether offsets are within 32 bits, and programs within CUDA's limit of 65,535 along the grid's second axis."""
    v = values.shape[1]
    y = queries.numel() // queries.shape[2] * v
    return max(queries.numel(), values.numel(), y) < 2**31 and len(values) * triton.cdiv(v, BLOCK) <= 65_535


@triton.jit
def _lambdas(
    v_ptr, c_ptr, e_ptr, y0, x0, image, channel, real, rows, columns, V,
    K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr,
    AROUND: tl.constexpr, BLOCK: tl.constexpr, CONTENT: tl.constexpr, POSITION: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Lambdas [queries, k, columns] of a tile."""
    T: tl.constexpr = TY * TX
    found = tl.zeros((T * KP, BLOCK), tl.float32)
    if POSITION:
        row = tl.arange(0, T * KP)
        k, at_y, at_x = row % KP, y0 + row // KP // TX, x0 + row // KP % TX
        top, left = tl.maximum(y0 - R_Y // 2, 0), tl.maximum(x0 - R_X // 2, 0)
        bottom, right = tl.minimum(y0 + TY + R_Y // 2, rows), tl.minimum(x0 + TX + R_X // 2, columns)
        wide = tl.maximum(right - left, 1)
        count = tl.maximum(bottom - top, 0) * tl.maximum(right - left, 0)
        for start in range(0, count, AROUND):
            around = start + tl.arange(0, AROUND)
            m_y, m_x = top + around // wide, left + around % wide
            here = around < count
            place = (image[None, :] * rows * columns + (m_y * columns + m_x)[:, None]) * V + channel[None, :]
            value = tl.load(v_ptr + place, mask=here[:, None] & real[None, :], other=0.0)
            d_y, d_x = m_y[None, :] - at_y[:, None] + R_Y // 2, m_x[None, :] - at_x[:, None] + R_X // 2
            fits = (d_y >= 0) & (d_y < R_Y) & (d_x >= 0) & (d_x < R_X) & here[None, :] & (k < K)[:, None]
            e = tl.load(e_ptr + (k[:, None] * R_Y + d_y) * R_X + d_x, mask=fits, other=0.0)
            found = tl.dot(e.to(value.dtype), value, found, input_precision=PRECISION)
    lambdas = tl.reshape(found, (T, KP, BLOCK))
    if CONTENT:
        k = tl.arange(0, KP)
        place = (image[None, :] * K + k[:, None]) * V + channel[None, :]
        content = tl.load(c_ptr + place, mask=(k < K)[:, None] & real[None, :], other=0.0)
        lambdas += content.to(tl.float32)[None, :, :]
    return lambdas


@triton.jit
def _queries(q_ptr, position, inside, image, real, head, n, H, K: tl.constexpr, KP: tl.constexpr):
    """One head's queries [queries, k, columns] in float32."""
    k = tl.arange(0, KP)
    place = ((image[None, None, :] * n + position[:, None, None]) * H + head) * K + k[None, :, None]
    there = inside[:, None, None] & (k < K)[None, :, None] & real[None, None, :]
    return tl.load(q_ptr + place, mask=there, other=0.0).to(tl.float32)


@triton.jit
def _tile(tile, width, TY: tl.constexpr, TX: tl.constexpr):
    """First row and column of a tile."""
    across = tl.cdiv(width, TX)
    return tile // across * TY, tile % across * TX


@triton.jit
def _forward_kernel(
    q_ptr, v_ptr, c_ptr, e_ptr, y_ptr, all_columns, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr,
    AROUND: tl.constexpr, BLOCK: tl.constexpr, CONTENT: tl.constexpr, POSITION: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    y0, x0 = _tile(tl.program_id(0), width, TY, TX)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    image, channel, real = column // V, column % V, column < all_columns
    lambdas = _lambdas(
        v_ptr, c_ptr, e_ptr, y0, x0, image, channel, real, rows, columns, V,
        K, KP, R_Y, R_X, TY, TX, AROUND, BLOCK, CONTENT, POSITION, PRECISION,
    )  # fmt: skip
    t = tl.arange(0, TY * TX)
    at_y, at_x = y0 + t // TX, x0 + t % TX
    inside, position, n = (at_y < height) & (at_x < width), at_y * width + at_x, height * width
    for head in tl.static_range(H):  # pyright: ignore[reportGeneralTypeIssues] (unrolled by the compiler)
        q = _queries(q_ptr, position, inside, image, real, head, n, H, K, KP)
        y = tl.sum(q * lambdas, axis=1)
        place = ((image[None, :] * n + position[:, None]) * H + head) * V + channel[None, :]
        tl.store(y_ptr + place, y.to(y_ptr.dtype.element_ty), mask=inside[:, None] & real[None, :])


@triton.jit
def _queries_kernel(
    v_ptr, c_ptr, e_ptr, d_ptr, out_ptr, all_columns, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr,
    AROUND: tl.constexpr, BLOCK: tl.constexpr, CONTENT: tl.constexpr, POSITION: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradient of the queries: a program has channels of one image, whose shares are added up in memory."""
    y0, x0 = _tile(tl.program_id(0), width, TY, TX)
    blocks = tl.cdiv(V, BLOCK)
    channel = tl.program_id(1) % blocks * BLOCK + tl.arange(0, BLOCK)
    image, real = tl.program_id(1) // blocks + 0 * channel, channel < V
    lambdas = _lambdas(
        v_ptr, c_ptr, e_ptr, y0, x0, image, channel, real, rows, columns, V,
        K, KP, R_Y, R_X, TY, TX, AROUND, BLOCK, CONTENT, POSITION, PRECISION,
    )  # fmt: skip
    t, k = tl.arange(0, TY * TX), tl.arange(0, KP)
    at_y, at_x = y0 + t // TX, x0 + t % TX
    inside, position, n = (at_y < height) & (at_x < width), at_y * width + at_x, height * width
    one = tl.program_id(1) // blocks
    for head in tl.static_range(H):  # pyright: ignore[reportGeneralTypeIssues] (unrolled by the compiler)
        place = ((one * n + position[:, None]) * H + head) * V + channel[None, :]
        d_y = tl.load(d_ptr + place, mask=inside[:, None] & real[None, :], other=0.0).to(tl.float32)
        share = tl.sum(d_y[:, None, :] * lambdas, axis=2)
        to = ((one * n + position[:, None]) * H + head) * K + k[None, :]
        tl.atomic_add(out_ptr + to, share, mask=inside[:, None] & (k < K)[None, :], sem="relaxed")


@triton.jit
def _lambda_gradients(
    q_ptr, d_ptr, position, inside, image, channel, real, n, V, P: tl.constexpr, BLOCK: tl.constexpr,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr,
):  # fmt: skip
    """Gradients [positions, k, columns] of lambdas: sum over heads of queries times the output's gradient."""
    found = tl.zeros((P, KP, BLOCK), tl.float32)
    for head in tl.static_range(H):  # pyright: ignore[reportGeneralTypeIssues] (unrolled by the compiler)
        q = _queries(q_ptr, position, inside, image, real, head, n, H, K, KP)
        place = ((image[None, :] * n + position[:, None]) * H + head) * V + channel[None, :]
        d_y = tl.load(d_ptr + place, mask=inside[:, None] & real[None, :], other=0.0).to(tl.float32)
        found += q * d_y[:, None, :]
    return found


@triton.jit
def _embeddings_kernel(
    q_ptr, v_ptr, d_ptr, out_ptr, all_columns, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr,
    AROUND: tl.constexpr, BLOCK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradient of the embeddings: a program has a tile, some positions around it and all columns."""
    y0, x0 = _tile(tl.program_id(0), width, TY, TX)
    t, row, k = tl.arange(0, TY * TX), tl.arange(0, TY * TX * KP), tl.arange(0, TY * TX * KP) % KP
    t_y, t_x = y0 + t // TX, x0 + t % TX
    inside, position, n = (t_y < height) & (t_x < width), t_y * width + t_x, height * width
    around = tl.program_id(1) * AROUND + tl.arange(0, AROUND)
    wide = TX + R_X - 1
    m_y, m_x = y0 - R_Y // 2 + around // wide, x0 - R_X // 2 + around % wide
    here = (m_y >= 0) & (m_y < rows) & (m_x >= 0) & (m_x < columns) & (around < wide * (TY + R_Y - 1))
    found = tl.zeros((TY * TX * KP, AROUND), tl.float32)
    for start in range(0, all_columns, BLOCK):
        column = start + tl.arange(0, BLOCK)
        image, channel, real = column // V, column % V, column < all_columns
        d_lambdas = _lambda_gradients(
            q_ptr, d_ptr, position, inside, image, channel, real, n, V, TY * TX, BLOCK, H, K, KP
        )
        place = (image[:, None] * rows * columns + (m_y * columns + m_x)[None, :]) * V + channel[:, None]
        value = tl.load(v_ptr + place, mask=real[:, None] & here[None, :], other=0.0)
        flat = tl.reshape(d_lambdas, (TY * TX * KP, BLOCK)).to(value.dtype)
        found = tl.dot(flat, value, found, input_precision=PRECISION)
    at_y, at_x = y0 + row // KP // TX, x0 + row // KP % TX
    d_y, d_x = m_y[None, :] - at_y[:, None] + R_Y // 2, m_x[None, :] - at_x[:, None] + R_X // 2
    fits = (d_y >= 0) & (d_y < R_Y) & (d_x >= 0) & (d_x < R_X) & here[None, :] & (k < K)[:, None]
    fits = fits & ((at_y < height) & (at_x < width))[:, None]
    tl.atomic_add(out_ptr + (k[:, None] * R_Y + d_y) * R_X + d_x, found, mask=fits, sem="relaxed")


@triton.jit
def _values_kernel(
    q_ptr, e_ptr, d_ptr, out_ptr, all_columns, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr, SIDE: tl.constexpr,
    QUERIES: tl.constexpr, BLOCK: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradient of the values: a program has a square of context positions, and goes over the queries that see it."""
    y0, x0 = _tile(tl.program_id(0), columns, SIDE, SIDE)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    image, channel, real = column // V, column % V, column < all_columns
    m = tl.arange(0, SIDE * SIDE)
    m_y, m_x = y0 + m // SIDE, x0 + m % SIDE
    n = height * width
    top, left = tl.maximum(y0 - R_Y // 2, 0), tl.maximum(x0 - R_X // 2, 0)
    bottom, right = tl.minimum(y0 + SIDE + R_Y // 2, height), tl.minimum(x0 + SIDE + R_X // 2, width)
    wide = tl.maximum(right - left, 1)
    count = tl.maximum(bottom - top, 0) * tl.maximum(right - left, 0)
    found = tl.zeros((SIDE * SIDE, BLOCK), tl.float32)
    for start in range(0, count, QUERIES):
        one = start + tl.arange(0, QUERIES)
        position = (top + one // wide) * width + left + one % wide
        d_lambdas = _lambda_gradients(
            q_ptr, d_ptr, position, one < count, image, channel, real, n, V, QUERIES, BLOCK, H, K, KP
        )
        row = start + tl.arange(0, QUERIES * KP) // KP
        k = tl.arange(0, QUERIES * KP) % KP
        d_y = m_y[:, None] - (top + row // wide)[None, :] + R_Y // 2
        d_x = m_x[:, None] - (left + row % wide)[None, :] + R_X // 2
        fits = (d_y >= 0) & (d_y < R_Y) & (d_x >= 0) & (d_x < R_X) & ((k < K) & (row < count))[None, :]
        e = tl.load(e_ptr + (k[None, :] * R_Y + d_y) * R_X + d_x, mask=fits, other=0.0)
        flat = tl.reshape(d_lambdas, (QUERIES * KP, BLOCK)).to(e.dtype)
        found = tl.dot(e, flat, found, input_precision=PRECISION)
    place = (image[None, :] * rows * columns + (m_y * columns + m_x)[:, None]) * V + channel[None, :]
    there = ((m_y < rows) & (m_x < columns))[:, None] & real[None, :]
    tl.store(out_ptr + place, found.to(out_ptr.dtype.element_ty), mask=there)


SQUARE, QUERIES = 4, 4
"""Side of the context positions of a program that makes the values' gradient, and queries that it takes at a time."""


@torch.library.custom_op(f"{ROOT}::apply_lambdas_triton", mutates_args=())
def _apply(queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None) -> Tensor:
    b, h, _, height, width = queries.shape
    v = values.shape[1]
    q, plain, c, e = _channels_last(queries, values, content, embeddings)
    y = values.new_empty((b, height, width, h, v))
    grid = (_tiles(height, width), triton.cdiv(b * v, BLOCK))
    _launch(
        _forward_kernel, grid, q, plain, c, e, y, b * v, height, width, *values.shape[3:], v,
        **_settings(queries, embeddings), CONTENT=content is not None, POSITION=embeddings is not None,
        TY=TILE_ROWS, TX=TILE_COLUMNS, AROUND=AROUND, BLOCK=BLOCK, num_warps=WARPS, num_stages=STAGES,
    )  # fmt: skip
    return y.permute(0, 3, 4, 1, 2)


@_apply.register_fake
def _(queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None) -> Tensor:
    b, h, _, height, width = queries.shape
    return values.new_empty((b, height, width, h, values.shape[1])).permute(0, 3, 4, 1, 2)


@torch.library.custom_op(f"{ROOT}::apply_lambdas_triton_backward", mutates_args=())
def _gradients(
    gradient: Tensor, queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of queries, values, content, embeddings; empty where an input is None."""
    b, _, _, height, width = queries.shape
    v, _, rows, columns = values.shape[1:]
    q, plain, c, e = _channels_last(queries, values, content, embeddings)
    d_y = gradient.permute(0, 3, 4, 1, 2).to(values.dtype).contiguous()
    sizes, settings = (b * v, height, width, rows, columns, v), _settings(queries, embeddings)
    tile = {
        "TY": TILE_ROWS,
        "TX": TILE_COLUMNS,
        "AROUND": AROUND,
        "BLOCK": BLOCK,
        "num_warps": WARPS,
        "num_stages": STAGES,
    }
    back = tile | {"num_stages": _back_stages(queries)}
    d_queries = torch.zeros_like(q, dtype=torch.float32)
    _launch(
        _queries_kernel, (_tiles(height, width), b * triton.cdiv(v, BLOCK)), plain, c, e, d_y, d_queries, *sizes, **settings, **tile,
        CONTENT=content is not None, POSITION=embeddings is not None,
    )  # fmt: skip
    d_values, d_embeddings = torch.zeros_like(plain), values.new_empty(0)
    if embeddings is not None:
        total = torch.zeros_like(e, dtype=torch.float32)
        around = (TILE_ROWS + embeddings.shape[2] - 1) * (TILE_COLUMNS + embeddings.shape[3] - 1)
        grid = (_tiles(height, width), triton.cdiv(around, AROUND))
        _launch(_embeddings_kernel, grid, q, plain, d_y, total, *sizes, **settings, **back)
        d_embeddings = total[:, None].to(embeddings.dtype)
        squares = triton.cdiv(rows, SQUARE) * triton.cdiv(columns, SQUARE)
        _launch(
            _values_kernel, (squares, triton.cdiv(b * v, BLOCK)), q, e.to(values.dtype), d_y, d_values, *sizes, **settings,
            SIDE=SQUARE, QUERIES=QUERIES, BLOCK=BLOCK, num_warps=WARPS, num_stages=back["num_stages"],
        )  # fmt: skip
    d_content = values.new_empty(0)
    if content is not None:
        d_content = torch.einsum("byxhk,byxhv->bkv", q.float(), d_y.float()).to(content.dtype)
    return (
        d_queries.to(queries.dtype).permute(0, 3, 4, 1, 2),
        d_values.permute(0, 3, 1, 2)[:, :, None],
        d_content,
        d_embeddings,
    )


@_gradients.register_fake
def _(
    gradient: Tensor, queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    b, h, k, height, width = queries.shape
    v, _, rows, columns = values.shape[1:]
    return (
        queries.new_empty((b, height, width, h, k)).permute(0, 3, 4, 1, 2),
        values.new_empty((b, rows, columns, v)).permute(0, 3, 1, 2)[:, :, None],
        values.new_empty(0) if content is None else torch.empty_like(content, memory_format=torch.contiguous_format),
        values.new_empty(0) if embeddings is None else embeddings.new_empty(embeddings.shape),
    )


_operator.register("apply_lambdas_triton", _apply, _gradients)


def _channels_last(
    queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries [b, y, x, h, k], values [b, j, i, v], content [b, k, v], table [k, r_y, r_x]; what is absent is any tensor."""
    plain = values.permute(0, 2, 3, 4, 1)[:, 0].contiguous()
    return (
        queries.permute(0, 3, 4, 1, 2).contiguous(),
        plain,
        plain if content is None else content.contiguous(),
        plain if embeddings is None else embeddings[:, 0].contiguous(),
    )


def _launch(kernel: Any, grid: tuple[int, ...], *given: Any, **settings: Any) -> None:
    with nullcontext() if INTERPRETED else torch.cuda.device_of(given[0]):
        kernel[grid](*given, **settings)


def _tiles(height: int, width: int) -> int:
    return triton.cdiv(height, TILE_ROWS) * triton.cdiv(width, TILE_COLUMNS)


def _settings(queries: Tensor, embeddings: Tensor | None) -> dict[str, Any]:
    """What every kernel is compiled for. `KP` is the key depth as a power of two."""
    k = queries.shape[2]
    r_y, r_x = (1, 1) if embeddings is None else embeddings.shape[2:]
    return {
        "H": queries.shape[1],
        "K": k,
        "KP": max(4, triton.next_power_of_2(k)),
        "R_Y": r_y,
        "R_X": r_x,
        "PRECISION": _precision() if queries.dtype == torch.float32 else "tf32",
    }


def _back_stages(queries: Tensor) -> int:
    """Stages of loads whose heads are unrolled: they take more than the shared memory of a multiprocessor where they are wide."""
    h, k = queries.shape[1:3]
    return 1 if queries.dtype == torch.float32 or h * k > 128 else STAGES


def _precision() -> str:
    """What the user lets a product of float32 be: "ieee" or "tf32". Reading `allow_tf32` raises once `fp32_precision` was set."""
    matmul = torch.backends.cuda.matmul
    asked = getattr(matmul, "fp32_precision", None) or ("tf32" if matmul.allow_tf32 else "ieee")
    return "tf32" if asked == "tf32" else "ieee"
