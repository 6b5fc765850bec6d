"""Kernels for wide windows whose table stays in shared memory while groups of columns go by: forward, and the queries' gradient.

The table is one operand for each AROUND positions around a tile, loaded before the loop over groups, and products are unrolled over
them. Shared memory has no room for the values of a second group beside it: those of the next group are loaded into registers, AROUND
positions at a time, each part before the product with the same part of this group, which frees as many.
"""

# ruff: noqa: PLR0917 (sizes are arguments of a kernel)
# triton.language.static_range is there for its compiler, which unrolls it:
# pyright: reportGeneralTypeIssues=false

import triton
import triton.language as tl

from .forward import SIZES
from .lambdas import (
    add_content,
    columns_of,
    content_at,
    corner,
    heads_applied,
    one_image,
    queries_at,
    query_gradients,
    rows_of,
    store_queries,
    values_at,
)


@triton.jit
def _table(t_ptr, QUERIES_K: tl.constexpr, HALO: tl.constexpr, AROUND: tl.constexpr):
    """The table as operands [queries x k, AROUND]."""
    row, i = tl.arange(0, QUERIES_K), tl.arange(0, AROUND)
    e = ()
    for step in tl.static_range(HALO // AROUND):
        e += (tl.load(t_ptr + row[:, None] * HALO + step * AROUND + i[None, :]),)
    return e


@triton.jit
def _part(
    v_ptr, group, step, top, left, images, rows, columns, V,
    WIDE: tl.constexpr, AROUND: tl.constexpr, IMAGES: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Bits of values [AROUND, columns] of a group, 0 outside the map and after the last group.

    What is made values only where it is multiplied is put into shared memory there, and not all parts at once before the first product.
    """
    _, image, channel, real = columns_of(group, images, V, IMAGES, CHANNELS)
    i = step * AROUND + tl.arange(0, AROUND)
    base = image * rows * columns * V + channel
    value = values_at(v_ptr, top + i // WIDE, left + i % WIDE, base, real, rows, columns, V)
    return value.to(tl.int16, bitcast=True)


@triton.jit
def _whole(
    v_ptr, group, top, left, images, rows, columns, V,
    STEPS: tl.constexpr, WIDE: tl.constexpr, AROUND: tl.constexpr, IMAGES: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """All values around a tile, of a group."""
    value = ()
    for step in tl.static_range(STEPS):
        value += (_part(v_ptr, group, step, top, left, images, rows, columns, V, WIDE, AROUND, IMAGES, CHANNELS),)
    return value


@triton.jit
def _product(
    e, value, v_ptr, following, top, left, images, rows, columns, V,
    QUERIES_K: tl.constexpr, STEPS: tl.constexpr, WIDE: tl.constexpr, AROUND: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Position lambdas [queries x k, columns] of a group by its values, and the values of the following one."""
    ahead, lambdas = (), tl.zeros((QUERIES_K, IMAGES * CHANNELS), tl.float32)
    for step in tl.static_range(STEPS):
        ahead += (_part(v_ptr, following, step, top, left, images, rows, columns, V, WIDE, AROUND, IMAGES, CHANNELS),)
        lambdas = tl.dot(e[step], value[step].to(e[step].dtype, bitcast=True), lambdas, input_precision=PRECISION)
    return lambdas, ahead


@triton.jit(do_not_specialize=SIZES)
def stationary_forward(
    q_ptr, v_ptr, c_ptr, t_ptr, y_ptr, images, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr,
    BEFORE_Y: tl.constexpr, BEFORE_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr, HALO: tl.constexpr, AROUND: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, ROWS: tl.constexpr, CONTENT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """A program (tile, split) keeps the table and goes over groups of columns."""
    T: tl.constexpr = TY * TX
    WIDE: tl.constexpr = TX + R_X - 1
    y0, x0 = corner(tl.program_id(0), width, TY, TX)
    t = tl.arange(0, T)
    at_y, at_x = y0 + t // TX, x0 + t % TX
    position, inside, n = at_y * width + at_x, (at_y < height) & (at_x < width), height * width
    top, left, step = y0 - BEFORE_Y, x0 - BEFORE_X, tl.num_programs(1)
    e = _table(t_ptr, T * KP, HALO, AROUND)
    value = _whole(
        v_ptr, tl.program_id(1), top, left, images, rows, columns, V, HALO // AROUND, WIDE, AROUND, IMAGES, CHANNELS
    )
    for group in range(tl.program_id(1), tl.cdiv(images, IMAGES) * tl.cdiv(V, CHANNELS), step):
        first, image, channel, real = columns_of(group, images, V, IMAGES, CHANNELS)
        row_image, where, there = rows_of(position, inside, first, images, n, H, IMAGES, ROWS)
        q = queries_at(q_ptr, where, there, K, KP)
        if CONTENT:
            content = content_at(c_ptr, image, channel, real, V, K, KP)
        lambdas, value = _product(
            e, value, v_ptr, group + step, top, left, images, rows, columns, V,
            T * KP, HALO // AROUND, WIDE, AROUND, IMAGES, CHANNELS, PRECISION,
        )  # fmt: skip
        if CONTENT:
            lambdas = add_content(lambdas, content, T, KP, PRECISION, v_ptr.dtype.element_ty)
        y = heads_applied(q, tl.reshape(lambdas, (T, KP, IMAGES * CHANNELS)), PRECISION, y_ptr.dtype.element_ty)
        mine = one_image(there, row_image, image, real)
        tl.store(y_ptr + where[:, :, None] * V + channel[None, None, :], y, mask=mine)


@triton.jit(do_not_specialize=SIZES)
def stationary_query_gradients(
    v_ptr, c_ptr, t_ptr, d_ptr, out_ptr, images, height, width, rows, columns, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr,
    BEFORE_Y: tl.constexpr, BEFORE_X: tl.constexpr, TY: tl.constexpr, TX: tl.constexpr, HALO: tl.constexpr, AROUND: tl.constexpr,
    IMAGES: tl.constexpr, CHANNELS: tl.constexpr, BLOCKS: tl.constexpr, ROWS: tl.constexpr,
    CONTENT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradient of the queries: a program (tile, split) keeps the table, goes over images and makes their lambdas again."""
    T: tl.constexpr = TY * TX
    WIDE: tl.constexpr = TX + R_X - 1
    y0, x0 = corner(tl.program_id(0), width, TY, TX)
    t = tl.arange(0, T)
    at_y, at_x = y0 + t // TX, x0 + t % TX
    position, inside, n = at_y * width + at_x, (at_y < height) & (at_x < width), height * width
    top, left, step = y0 - BEFORE_Y, x0 - BEFORE_X, tl.num_programs(1)
    e = _table(t_ptr, T * KP, HALO, AROUND)
    value = _whole(
        v_ptr,
        tl.program_id(1) * BLOCKS,
        top,
        left,
        images,
        rows,
        columns,
        V,
        HALO // AROUND,
        WIDE,
        AROUND,
        IMAGES,
        CHANNELS,
    )
    for some in range(tl.program_id(1), tl.cdiv(images, IMAGES), step):
        row_image, where, there = rows_of(position, inside, some * IMAGES, images, n, H, IMAGES, ROWS)
        queries = tl.zeros((T, ROWS, KP), tl.float32)
        for block in range(BLOCKS):
            group = some * BLOCKS + block
            following = tl.where(block + 1 < BLOCKS, group + 1, (some + step) * BLOCKS)
            _, image, channel, real = columns_of(group, images, V, IMAGES, CHANNELS)
            mine = one_image(there, row_image, image, real)
            d_y = tl.load(d_ptr + where[:, :, None] * V + channel[None, None, :], mask=mine, other=0.0)
            if CONTENT:
                content = content_at(c_ptr, image, channel, real, V, K, KP)
            lambdas, value = _product(
                e, value, v_ptr, following, top, left, images, rows, columns, V,
                T * KP, HALO // AROUND, WIDE, AROUND, IMAGES, CHANNELS, PRECISION,
            )  # fmt: skip
            if CONTENT:
                lambdas = add_content(lambdas, content, T, KP, PRECISION, v_ptr.dtype.element_ty)
            queries = query_gradients(queries, d_y, tl.reshape(lambdas, (T, KP, IMAGES * CHANNELS)), PRECISION)
        store_queries(out_ptr, queries, where, there, K, KP)
