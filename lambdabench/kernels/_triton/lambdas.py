"""Parts of the kernels: positions, columns and rows of a program, lambdas and their gradients in registers.

A program has a tile of queries, TY x TX, and a block of columns, IMAGES x CHANNELS: each column is one channel of one image. Where
heads come in, rows are IMAGES x H (up to ROWS), each one head of one image, and what belongs to two images is masked. KP is the key
depth as a power of two, R_Y x R_X the window, BEFORE_Y and BEFORE_X its offsets before a query.
"""

# ruff: noqa: PLR0917 (sizes are arguments of a kernel)

import triton
import triton.language as tl


@triton.jit
def corner(tile, width, TY: tl.constexpr, TX: tl.constexpr):
    """First row and column of a tile."""
    across = tl.cdiv(width, TX)
    return tile // across * TY, tile % across * TX


@triton.jit
def columns_of(group, images, V, IMAGES: tl.constexpr, CHANNELS: tl.constexpr):
    """First image of a group of columns; of each column its image, its channel, and whether there are such."""
    blocks = tl.cdiv(V, CHANNELS)
    first, column = group // blocks * IMAGES, tl.arange(0, IMAGES * CHANNELS)
    image, channel = first + column // CHANNELS, group % blocks * CHANNELS + column % CHANNELS
    return first, image, channel, (image < images) & (channel < V)


@triton.jit
def rows_of(position, inside, first, images, n, H: tl.constexpr, IMAGES: tl.constexpr, ROWS: tl.constexpr):
    """Of each row its image; where [positions, rows] are in [b, n, h], and whether they are there."""
    row = tl.arange(0, ROWS)
    image = first + row // H
    there = inside[:, None] & ((row < IMAGES * H) & (image < images))[None, :]
    return image, (image[None, :] * n + position[:, None]) * H + (row % H)[None, :], there


@triton.jit
def queries_at(q_ptr, where, there, K: tl.constexpr, KP: tl.constexpr):
    """Queries [positions, rows, k]."""
    k = tl.arange(0, KP)
    mask = there[:, :, None] & (k < K)[None, None, :]
    return tl.load(q_ptr + where[:, :, None] * K + k[None, None, :], mask=mask, other=0.0)


@triton.jit
def one_image(there, row_image, image, real):
    """Which of [positions, rows, columns] are there and of one image."""
    return there[:, :, None] & (real[None, :] & (row_image[:, None] == image[None, :]))[None, :, :]


@triton.jit
def values_at(v_ptr, m_y, m_x, base, real, rows, columns, V):
    """Values [context positions, columns], 0 outside the map."""
    here = (m_y >= 0) & (m_y < rows) & (m_x >= 0) & (m_x < columns)
    place = ((m_y * columns + m_x) * V)[:, None] + base[None, :]
    return tl.load(v_ptr + place, mask=here[:, None] & real[None, :], other=0.0)


@triton.jit
def content_at(c_ptr, image, channel, real, V, K: tl.constexpr, KP: tl.constexpr):
    """Content lambdas [k, columns]."""
    k = tl.arange(0, KP)
    place = (image[None, :] * K + k[:, None]) * V + channel[None, :]
    return tl.load(c_ptr + place, mask=(k < K)[:, None] & real[None, :], other=0.0)


@triton.jit
def add_content(result, content, T: tl.constexpr, KP: tl.constexpr, PRECISION: tl.constexpr, DTYPE: tl.constexpr):
    """Content lambdas onto position lambdas [queries x k, columns], as a product: their layout is the one of products already."""
    row, k = tl.arange(0, T * KP), tl.arange(0, KP)
    item = (row[:, None] % KP == k[None, :]).to(DTYPE)
    return tl.dot(item, content.to(DTYPE), result, input_precision=PRECISION)


@triton.jit
def heads_applied(q, lambdas, PRECISION: tl.constexpr, DTYPE: tl.constexpr):
    """Queries [positions, rows, k] times lambdas [positions, k, columns], both rounded to a type, and the output too."""
    return tl.dot(q.to(DTYPE), lambdas.to(DTYPE), input_precision=PRECISION).to(DTYPE)


@triton.jit
def query_gradients(result, d_y, lambdas, PRECISION: tl.constexpr):
    """Gradient [positions, rows, k] of the queries by a block of columns: the output's gradient times lambdas [positions, k, columns]."""
    return tl.dot(d_y, tl.permute(lambdas.to(d_y.dtype), (0, 2, 1)), result, input_precision=PRECISION)


@triton.jit
def store_queries(out_ptr, result, where, there, K: tl.constexpr, KP: tl.constexpr):
    """What belongs to queries [positions, rows, k]."""
    k = tl.arange(0, KP)
    place = where[:, :, None] * K + k[None, None, :]
    tl.store(out_ptr + place, result.to(out_ptr.dtype.element_ty), mask=there[:, :, None] & (k < K)[None, None, :])


@triton.jit
def resident_lambdas(
    e, v_ptr, c_ptr, m_y, m_x, image, channel, real, rows, columns, V,
    T: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, BLOCK: tl.constexpr, CONTENT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Lambdas [queries, k, columns] of a tile by one product of its table with all positions around it."""
    value = values_at(v_ptr, m_y, m_x, image * rows * columns * V + channel, real, rows, columns, V)
    content = tl.dot(e, value, input_precision=PRECISION)
    if CONTENT:
        own = content_at(c_ptr, image, channel, real, V, K, KP)
        content = add_content(content, own, T, KP, PRECISION, v_ptr.dtype.element_ty)
    return tl.reshape(content, (T, KP, BLOCK))


@triton.jit
def streamed_lambdas(
    v_ptr, c_ptr, t_ptr, y0, x0, image, channel, real, rows, columns, V,
    K: tl.constexpr, KP: tl.constexpr, R_Y: tl.constexpr, R_X: tl.constexpr, BEFORE_Y: tl.constexpr, BEFORE_X: tl.constexpr,
    TY: tl.constexpr, TX: tl.constexpr, HALO: tl.constexpr, AROUND: tl.constexpr, BLOCK: tl.constexpr,
    CONTENT: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Lambdas [queries, k, columns] of a tile, AROUND positions around it at a time; rows of them outside the map are left out."""
    T: tl.constexpr = TY * TX
    WIDE: tl.constexpr = TX + R_X - 1
    row = tl.arange(0, T * KP)
    first = tl.maximum(0, BEFORE_Y - y0) * WIDE // AROUND * AROUND
    last = tl.minimum(TY + R_Y - 1, rows + BEFORE_Y - y0) * WIDE
    content = tl.zeros((T * KP, BLOCK), tl.float32)
    base = image * rows * columns * V + channel
    for start in range(first, last, AROUND):
        i = start + tl.arange(0, AROUND)
        value = values_at(v_ptr, y0 - BEFORE_Y + i // WIDE, x0 - BEFORE_X + i % WIDE, base, real, rows, columns, V)
        e = tl.load(t_ptr + row[:, None] * HALO + i[None, :])
        content = tl.dot(e, value, content, input_precision=PRECISION)
    if CONTENT:
        own = content_at(c_ptr, image, channel, real, V, K, KP)
        content = add_content(content, own, T, KP, PRECISION, v_ptr.dtype.element_ty)
    return tl.reshape(content, (T, KP, BLOCK))


@triton.jit
def lambda_gradients(
    q_ptr, d_ptr, position, inside, first, image, channel, real, images, n, V,
    H: tl.constexpr, K: tl.constexpr, KP: tl.constexpr, IMAGES: tl.constexpr, ROWS: tl.constexpr, PRECISION: tl.constexpr,
):  # fmt: skip
    """Gradients [positions, k, columns] of lambdas: sum over heads of queries times the output's gradient."""
    row_image, where, there = rows_of(position, inside, first, images, n, H, IMAGES, ROWS)
    q = queries_at(q_ptr, where, there, K, KP)
    mine = one_image(there, row_image, image, real)
    d_y = tl.load(d_ptr + where[:, :, None] * V + channel[None, None, :], mask=mine, other=0.0)
    return tl.dot(tl.permute(q, (0, 2, 1)).to(d_y.dtype), d_y, input_precision=PRECISION)
