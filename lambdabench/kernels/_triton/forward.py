"""Forward kernels: position lambdas of a tile by one product with the table, met by the queries where they are made."""

# ruff: noqa: PLR0917 (sizes are arguments of a kernel)

import triton
import triton.language as tl

from .lambdas import (
    columns_of,
    corner,
    heads_applied,
    one_image,
    queries_at,
    resident_lambdas,
    rows_of,
    streamed_lambdas,
)

SIZES = ["images", "height", "width", "rows", "columns"]
"""Sizes that a kernel is not compiled for: they only bound loops and masks."""


@triton.jit
def _store(
    y_ptr, q_ptr, lambdas, y0, x0, first, image, channel, real, images, height, width, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr,
    IMAGES: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Queries of a tile, [queries, rows, k], times its lambdas [queries, k, columns], to y."""
    t = tl.arange(0, TY * TX)
    at_y, at_x = y0 + t // TX, x0 + t % TX
    inside = (at_y < height) & (at_x < width)
    row_image, where, there = rows_of(at_y * width + at_x, inside, first, images, height * width, H, IMAGES, ROWS)
    q = queries_at(q_ptr, where, there, K, KP)
    y = heads_applied(q, lambdas, PRECISION, y_ptr.dtype.element_ty)
    mine = one_image(there, row_image, image, real)
    tl.store(y_ptr + where[:, :, None] * V + channel[None, None, :], y, mask=mine)


@triton.jit(do_not_specialize=SIZES)
def resident_forward(
    q_ptr, v_ptr, c_ptr, t_ptr, y_ptr, images, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr,
    BEFORE_Y: tl.constexpr, BEFORE_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr, HALO: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, ROWS: tl.constexpr, CONTENT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """The whole halo of a tile in one product: a program (tile, split) keeps the table and goes over groups of columns."""
    T: tl.constexpr = TY * TX
    WIDE: tl.constexpr = TX + R_X - 1
    y0, x0 = corner(tl.program_id(0), width, TY, TX)
    row, i = tl.arange(0, T * KP), tl.arange(0, HALO)
    m_y, m_x = y0 - BEFORE_Y + i // WIDE, x0 - BEFORE_X + i % WIDE
    e = tl.load(t_ptr + row[:, None] * HALO + i[None, :])
    groups = tl.cdiv(images, IMAGES) * tl.cdiv(V, CHANNELS)
    for group in range(tl.program_id(1), groups, tl.num_programs(1)):
        first, image, channel, real = columns_of(group, images, V, IMAGES, CHANNELS)
        lambdas = resident_lambdas(
            e, v_ptr, c_ptr, m_y, m_x, image, channel, real, rows, columns, V,
            T, K, KP, IMAGES * CHANNELS, CONTENT, PRECISION,
        )  # fmt: skip
        _store(
            y_ptr, q_ptr, lambdas, y0, x0, first, image, channel, real, images, height, width, V,
            H, K, KP, TY, TX, IMAGES, ROWS, PRECISION,
        )  # fmt: skip


@triton.jit(do_not_specialize=SIZES)
def streamed_forward(
    q_ptr, v_ptr, c_ptr, t_ptr, y_ptr, images, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr,
    BEFORE_Y: tl.constexpr, BEFORE_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr, HALO: tl.constexpr, AROUND: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, ROWS: tl.constexpr, CONTENT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """For halos that are too large for that: a program (tile, group) goes over the positions around the tile."""
    y0, x0 = corner(tl.program_id(0), width, TY, TX)
    first, image, channel, real = columns_of(tl.program_id(1), images, V, IMAGES, CHANNELS)
    lambdas = streamed_lambdas(
        v_ptr, c_ptr, t_ptr, y0, x0, image, channel, real, rows, columns, V,
        K, KP, R_Y, R_X, BEFORE_Y, BEFORE_X, TY, TX, HALO, AROUND, IMAGES * CHANNELS, CONTENT, PRECISION,
    )  # fmt: skip
    _store(
        y_ptr, q_ptr, lambdas, y0, x0, first, image, channel, real, images, height, width, V,
        H, K, KP, TY, TX, IMAGES, ROWS, PRECISION,
    )  # fmt: skip
