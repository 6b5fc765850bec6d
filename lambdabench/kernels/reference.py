"""The lambda layer as the paper's equations have it (arXiv 2102.08602, section 3.2 and equation 5), in float64 and index by index.

Axes: b batch, n query positions, m context positions, k key depth, v value depth, h heads (queries per lambda), u intra-depth.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def lambda_layer(queries: Array, keys: Array, values: Array, embeddings: Array) -> Array:
    """Outputs [b, n, h, v].

    queries [b, n, h, k] and values [b, m, v, u] come after batch norm, keys [b, m, k, u] before softmax;
    embeddings [n, m, k, u] are zero where m is outside the scope of n.
    """
    exponentials = np.exp(keys - keys.max(axis=1, keepdims=True))
    weights = exponentials / exponentials.sum(axis=1, keepdims=True)
    content = np.einsum("bmku,bmvu->bkv", weights, values)
    position = np.einsum("nmku,bmvu->bnkv", embeddings, values)
    return np.einsum("bnhk,bkv->bnhv", queries, content) + np.einsum("bnhk,bnkv->bnhv", queries, position)


def relative_embeddings(table: Array, size: tuple[int, int]) -> Array:
    """Embeddings [n, m, k, u] of a map of `size` (height, width) from a table [r, r, k, u] of relative offsets; zero outside the scope."""
    height, width = size
    scope = table.shape[0]
    reach = scope // 2
    result = np.zeros((height * width, height * width, *table.shape[2:]))
    for row, column in np.ndindex(height, width):
        for other_row, other_column in np.ndindex(height, width):
            down, right = other_row - row + reach, other_column - column + reach
            if 0 <= down < scope and 0 <= right < scope:
                result[row * width + column, other_row * width + other_column] = table[down, right]
    return result
