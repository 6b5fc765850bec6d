"""Backward kernels: gradients of queries, embeddings and values. None of them adds up in memory: results do not depend on order."""

# ruff: noqa: PLR0917 (sizes are arguments of a kernel)

import triton
import triton.language as tl

from .forward import SIZES
from .lambdas import (
    columns_of,
    corner,
    lambda_gradients,
    one_image,
    query_gradients,
    resident_lambdas,
    rows_of,
    store_queries,
    streamed_lambdas,
    values_at,
)


@triton.jit
def _add_queries(
    result, d_ptr, lambdas, where, there, row_image, image, channel, real, V, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradient [queries, rows, k] of the queries by a block of columns: the output's gradient times lambdas [queries, k, columns]."""
    mine = one_image(there, row_image, image, real)
    d_y = tl.load(d_ptr + where[:, :, None] * V + channel[None, None, :], mask=mine, other=0.0)
    return query_gradients(result, d_y, lambdas, PRECISION)


@triton.jit(do_not_specialize=SIZES)
def resident_query_gradients(
    v_ptr, c_ptr, t_ptr, d_ptr, out_ptr, images, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr,
    BEFORE_Y: tl.constexpr, BEFORE_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr, HALO: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, BLOCKS: tl.constexpr, ROWS: tl.constexpr,
    CONTENT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradient of the queries: a program (tile, split) keeps the table, goes over images and makes their lambdas again."""
    T: tl.constexpr = TY * TX
    WIDE: tl.constexpr = TX + R_X - 1
    y0, x0 = corner(tl.program_id(0), width, TY, TX)
    t, row, i = tl.arange(0, T), tl.arange(0, T * KP), tl.arange(0, HALO)
    m_y, m_x = y0 - BEFORE_Y + i // WIDE, x0 - BEFORE_X + i % WIDE
    e = tl.load(t_ptr + row[:, None] * HALO + i[None, :])
    at_y, at_x = y0 + t // TX, x0 + t % TX
    position, inside, n = at_y * width + at_x, (at_y < height) & (at_x < width), height * width
    for some in range(tl.program_id(1), tl.cdiv(images, IMAGES), tl.num_programs(1)):
        row_image, where, there = rows_of(position, inside, some * IMAGES, images, n, H, IMAGES, ROWS)
        queries = tl.zeros((T, ROWS, KP), tl.float32)
        for block in range(BLOCKS):
            _, image, channel, real = columns_of(some * BLOCKS + block, images, V, IMAGES, CHANNELS)
            lambdas = resident_lambdas(
                e, v_ptr, c_ptr, m_y, m_x, image, channel, real, rows, columns, V,
                T, K, KP, IMAGES * CHANNELS, CONTENT, PRECISION,
            )  # fmt: skip
            queries = _add_queries(queries, d_ptr, lambdas, where, there, row_image, image, channel, real, V, PRECISION)
        store_queries(out_ptr, queries, where, there, K, KP)


@triton.jit(do_not_specialize=SIZES)
def streamed_query_gradients(
    v_ptr, c_ptr, t_ptr, d_ptr, out_ptr, images, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr,
    BEFORE_Y: tl.constexpr, BEFORE_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr, HALO: tl.constexpr, AROUND: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, BLOCKS: tl.constexpr, ROWS: tl.constexpr,
    CONTENT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The same for halos that are too large for that: a program (tile, images)."""
    T: tl.constexpr = TY * TX
    y0, x0 = corner(tl.program_id(0), width, TY, TX)
    t = tl.arange(0, T)
    at_y, at_x = y0 + t // TX, x0 + t % TX
    position, inside, n = at_y * width + at_x, (at_y < height) & (at_x < width), height * width
    row_image, where, there = rows_of(position, inside, tl.program_id(1) * IMAGES, images, n, H, IMAGES, ROWS)
    queries = tl.zeros((T, ROWS, KP), tl.float32)
    for block in range(BLOCKS):
        _, image, channel, real = columns_of(tl.program_id(1) * BLOCKS + block, images, V, IMAGES, CHANNELS)
        lambdas = streamed_lambdas(
            v_ptr, c_ptr, t_ptr, y0, x0, image, channel, real, rows, columns, V,
            K, KP, R_Y, R_X, BEFORE_Y, BEFORE_X, TY, TX, HALO, AROUND, IMAGES * CHANNELS, CONTENT, PRECISION,
        )  # fmt: skip
        queries = _add_queries(queries, d_ptr, lambdas, where, there, row_image, image, channel, real, V, PRECISION)
    store_queries(out_ptr, queries, where, there, K, KP)


@triton.jit(do_not_specialize=SIZES)
def embedding_gradients(
    q_ptr, v_ptr, d_ptr, out_ptr, images, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_X: tl.constexpr, BEFORE_Y: tl.constexpr, BEFORE_X: tl.constexpr,
    TY: tl.constexpr, TX: tl.constexpr, HALO: tl.constexpr, AROUND: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Shares [splits, queries x k, halo] of the table's gradient: a program (AROUND of the halo, split) goes over tiles and groups."""
    T: tl.constexpr = TY * TX
    WIDE: tl.constexpr = TX + R_X - 1
    tiles, n = tl.cdiv(width, TX) * tl.cdiv(height, TY), height * width
    work = tiles * tl.cdiv(images, IMAGES) * tl.cdiv(V, CHANNELS)
    t, row = tl.arange(0, T), tl.arange(0, T * KP)
    i = tl.program_id(0) * AROUND + tl.arange(0, AROUND)
    result = tl.zeros((T * KP, AROUND), tl.float32)
    for job in range(tl.program_id(1), work, tl.num_programs(1)):
        y0, x0 = corner(job % tiles, width, TY, TX)
        first, image, channel, real = columns_of(job // tiles, images, V, IMAGES, CHANNELS)
        at_y, at_x = y0 + t // TX, x0 + t % TX
        inside = (at_y < height) & (at_x < width)
        d_lambdas = lambda_gradients(
            q_ptr, d_ptr, at_y * width + at_x, inside, first, image, channel, real, images, n, V,
            H, K, KP, IMAGES, ROWS, PRECISION,
        )  # fmt: skip
        m_y, m_x = y0 - BEFORE_Y + i // WIDE, x0 - BEFORE_X + i % WIDE
        value = values_at(v_ptr, m_y, m_x, image * rows * columns * V + channel, real, rows, columns, V)
        flat = tl.reshape(d_lambdas, (T * KP, IMAGES * CHANNELS)).to(value.dtype)
        result = tl.dot(flat, tl.trans(value), result, input_precision=PRECISION)
    tl.store(out_ptr + (tl.program_id(1) * T * KP + row[:, None]) * HALO + i[None, :], result)


@triton.jit(do_not_specialize=SIZES)
def value_gradients(
    q_ptr, t_ptr, d_ptr, out_ptr, images, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr,
    BEFORE_Y: tl.constexpr, BEFORE_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr, HALO: tl.constexpr, QUERIES: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradient of the values: a program (square of context positions, group) goes over the queries that see it.

    Queries and the square are counted from their ends, so that the table [square, halo x k] is one of the embeddings as they are.
    """
    WIDE: tl.constexpr = TX + R_X - 1
    y0, x0 = corner(tl.program_id(0), columns, TY, TX)
    first, image, channel, real = columns_of(tl.program_id(1), images, V, IMAGES, CHANNELS)
    square, flat_k = tl.arange(0, TY * TX), tl.arange(0, QUERIES * KP)
    last_y, last_x, n = y0 + TY - 1 + BEFORE_Y, x0 + TX - 1 + BEFORE_X, height * width
    from_i = tl.maximum(0, last_y - height + 1) * WIDE // QUERIES * QUERIES
    to_i = tl.minimum(TY + R_Y - 1, last_y + 1) * WIDE
    result = tl.zeros((TY * TX, IMAGES * CHANNELS), tl.float32)
    for start in range(from_i, to_i, QUERIES):
        i = start + tl.arange(0, QUERIES)
        n_y, n_x = last_y - i // WIDE, last_x - i % WIDE
        inside = (n_y >= 0) & (n_y < height) & (n_x >= 0) & (n_x < width)
        d_lambdas = lambda_gradients(
            q_ptr, d_ptr, n_y * width + n_x, inside, first, image, channel, real, images, n, V,
            H, K, KP, IMAGES, ROWS, PRECISION,
        )  # fmt: skip
        e = tl.load(t_ptr + square[:, None] * (HALO * KP) + start * KP + flat_k[None, :])
        flat = tl.reshape(d_lambdas, (QUERIES * KP, IMAGES * CHANNELS)).to(e.dtype)
        result = tl.dot(e, flat, result, input_precision=PRECISION)
    m_y, m_x = y0 + TY - 1 - square // TX, x0 + TX - 1 - square % TX
    place = ((m_y * columns + m_x) * V)[:, None] + (image * rows * columns * V + channel)[None, :]
    there = ((m_y < rows) & (m_x < columns))[:, None] & real[None, :]
    tl.store(out_ptr + place, result.to(out_ptr.dtype.element_ty), mask=there)
