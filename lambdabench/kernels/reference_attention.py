"""The attention layers as their papers' equations have them, in float64 and index by index.

Axes: b batch, h heads, y and x query positions, j and i key positions, d depth.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Keys = Callable[[int, int], list[tuple[int, int]]]
"""Positions (row, column) of the keys that a query sees."""
Logit = Callable[[Array, int, int], Array]
"""The position term of queries [b, h, d] for a key `down` rows below and `right` columns right of them: [b, h]."""


def attention(queries: Array, keys: Array, values: Array, *, seen: Keys, position: Logit) -> Array:
    """Outputs [b, h, y, x, d] of softmax((q.k + position) / sqrt(d)) v over the keys seen; all inputs [b, h, y, x, d]."""
    result = np.zeros_like(values)
    for y, x in np.ndindex(*queries.shape[2:4]):
        query = queries[:, :, y, x]
        places = seen(y, x)
        logits = np.stack(
            [(query * keys[:, :, j, i]).sum(-1) + position(query, j - y, i - x) for j, i in places], axis=-1
        )
        weights = softmax(logits / np.sqrt(queries.shape[-1]), axis=-1)
        for place, (j, i) in enumerate(places):
            result[:, :, y, x] += weights[..., place, None] * values[:, :, j, i]
    return result


def self_attention(queries: Array, keys: Array, values: Array, rows: Array, columns: Array) -> Array:
    """arXiv 1904.09925, equations 2 to 5: tables [2H - 1, d] and [2W - 1, d] of offsets from -(H - 1) and -(W - 1) on."""
    height, width = queries.shape[2:4]

    def position(query: Array, down: int, right: int) -> Array:
        return query @ rows[down + len(rows) // 2] + query @ columns[right + len(columns) // 2]

    everywhere = list(np.ndindex(height, width))
    return attention(queries, keys, values, seen=lambda y, x: everywhere, position=position)


def axis_attention(queries: Array, keys: Array, values: Array, table: Array) -> Array:
    """arXiv 2003.07853, equation 3, along the x axis: table [2W - 1, d] of offsets from -(W - 1) on."""
    return attention(
        queries,
        keys,
        values,
        seen=lambda y, x: [(y, i) for i in range(queries.shape[3])],
        position=lambda query, down, right: query @ table[right + len(table) // 2],
    )


def local_attention(queries: Array, keys: Array, values: Array, rows: Array, columns: Array) -> Array:
    """arXiv 1906.05909, equation 3: tables [scope, d / 2]; the keys are those of the window that lie on the map."""
    height, width = queries.shape[2:4]
    reach, half = len(rows) // 2, queries.shape[-1] // 2

    def seen(y: int, x: int) -> list[tuple[int, int]]:
        return [
            (j, i)
            for j in range(max(0, y - reach), min(height, y + reach + 1))
            for i in range(max(0, x - reach), min(width, x + reach + 1))
        ]

    def position(query: Array, down: int, right: int) -> Array:
        return query[..., :half] @ rows[down + reach] + query[..., half:] @ columns[right + reach]

    return attention(queries, keys, values, seen=seen, position=position)


def linear_attention(queries: Array, keys: Array, values: Array) -> Array:
    """arXiv 1812.01243, equations 3 and 4, with the n x n product first, which is the same and takes longer."""
    b, h, height, width, d = queries.shape
    q, k, v = (array.reshape(b, h, height * width, d) for array in (queries, keys, values))
    weights = softmax(q, axis=3) @ softmax(k, axis=2).transpose(0, 1, 3, 2)
    return (weights @ v).reshape(queries.shape)


def softmax(logits: Array, axis: int) -> Array:
    """exp(logits), normalised along an axis."""
    exponentials = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)
