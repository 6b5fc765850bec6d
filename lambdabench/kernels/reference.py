"""The lambda layer as the paper's equations have it (arXiv 2102.08602, section 3.2 and equation 5), in float64 and index by index.

Axes: b batch, n query positions, m context positions, k key depth, v value depth, h heads (queries per lambda), u intra-depth.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def lambda_layer(
    queries: Array,
    keys: Array | None,
    values: Array,
    embeddings: Array | None,
    *,
    normalize: str = "softmax",
    mask: NDArray[np.bool_] | None = None,
) -> Array:
    """Outputs [b, n, h, v]: y_n = (lambda^c + lambda^p_n)^T q_n.

    queries [b, n, h, k] and values [b, m, v, u] come after batch norm, keys [b, m, k, u] before they are normalised;
    embeddings [n, m, k, u] are zero where m is outside the scope of n; mask [b, n, m] is true where n sees m.
    keys=None leaves out the content lambda, embeddings=None the position lambda.
    """
    b, n = queries.shape[:2]
    m = values.shape[1]
    seen = np.ones((b, n, m), bool) if mask is None else mask
    if normalize == "softmax_queries":
        queries = _softmax(queries, axis=3)
    lambdas = np.zeros((b, n, queries.shape[3], values.shape[2]))
    if keys is not None:
        weights = normalized_keys(keys, seen, normalize)
        lambdas += np.einsum("bnmku,bmvu->bnkv", weights, values)
    if embeddings is not None:
        lambdas += np.einsum("bnm,nmku,bmvu->bnkv", seen.astype(float), embeddings, values)
    return np.einsum("bnhk,bnkv->bnhv", queries, lambdas)


def normalized_keys(keys: Array, seen: NDArray[np.bool_], normalize: str) -> Array:
    """Keys [b, n, m, k, u], normalised over the context m that each query n sees (Table 12: softmax, L2 or not at all)."""
    every = np.where(seen[..., None, None], keys[:, None], 0.0)
    if normalize == "none":
        return every
    if normalize == "l2":
        return every / np.maximum(np.sqrt((every**2).sum(axis=2, keepdims=True)), 1e-12)
    exponentials = np.where(seen[..., None, None], np.exp(every - every.max(axis=2, keepdims=True)), 0.0)
    return exponentials / np.maximum(exponentials.sum(axis=2, keepdims=True), 1e-300)


def relative_embeddings(table: Array, size: tuple[int, int], context_size: tuple[int, int] | None = None) -> Array:
    """Embeddings [n, m, k, u] of a map of `size` (height, width) from a table [r_y, r_x, k, u] of offsets; zero outside the scope."""
    (height, width), (height_m, width_m) = size, context_size or size
    reach_y, reach_x = table.shape[0] // 2, table.shape[1] // 2
    result = np.zeros((height * width, height_m * width_m, *table.shape[2:]))
    for row, column in np.ndindex(height, width):
        for other_row, other_column in np.ndindex(height_m, width_m):
            down, right = other_row - row + reach_y, other_column - column + reach_x
            if 0 <= down < table.shape[0] and 0 <= right < table.shape[1]:
                result[row * width + column, other_row * width_m + other_column] = table[down, right]
    return result


def _softmax(values: Array, axis: int) -> Array:
    exponentials = np.exp(values - values.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def applied(
    queries: Array, values: Array, content: Array | None, table: Array, slope: Array
) -> tuple[Array, tuple[Array, Array, Array | None, Array]]:
    """Outputs [b, y, x, h, v] of queries [b, y, x, h, k], values [b, j, i, v], content lambdas [b, k, v] and a table [k, r_y, r_x] of
    offsets, and the gradients of these four for `slope`, the outputs': y_n = (lambda^c + lambda^p_n)^T q_n."""
    b, *size, h, k = queries.shape
    context = (values.shape[1], values.shape[2])
    offsets = relative_embeddings(table.transpose(1, 2, 0)[..., None], (size[0], size[1]), context)[..., 0]
    flat, met = queries.reshape(b, -1, h, k), values.reshape(b, -1, values.shape[3])
    d_y = slope.reshape(b, -1, h, values.shape[3])
    lambdas = np.einsum("nmk,bmv->bnkv", offsets, met) + (0.0 if content is None else content[:, None])
    d_lambdas = np.einsum("bnhk,bnhv->bnkv", flat, d_y)
    return np.einsum("bnhk,bnkv->bnhv", flat, lambdas).reshape(slope.shape), (
        np.einsum("bnhv,bnkv->bnhk", d_y, lambdas).reshape(queries.shape),
        np.einsum("nmk,bnkv->bmv", offsets, d_lambdas).reshape(values.shape),
        None if content is None else d_lambdas.sum(1),
        _of_offsets(np.einsum("bnkv,bmv->nmk", d_lambdas, met), table.shape, (size[0], size[1]), context),
    )


def _of_offsets(dense: Array, shape: tuple[int, ...], size: tuple[int, int], context: tuple[int, int]) -> Array:
    """The gradient of a table [k, r_y, r_x] from that of the embeddings [n, m, k] that were taken from it."""
    result, (_, rows, columns) = np.zeros(shape), shape
    for n, m in np.ndindex(*dense.shape[:2]):
        down = m // context[1] - n // size[1] + rows // 2
        right = m % context[1] - n % size[1] + columns // 2
        if 0 <= down < rows and 0 <= right < columns:
            result[:, down, right] += dense[n, m]
    return result
