"""Softmax attention over a grid of keys whose logits are q.k + row + column, which is what factored relative positions give.

Axes: g groups (images, heads, blocks), n queries, d depth, j rows and i columns of the keys' grid, m = j * i keys.
The logits of relative self-attention (Bello et al., arXiv 1904.09925, equations 3 to 5) have this form, on a map, an axis or a window.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

CHUNK = 1 << 18
"""Attention weights alive at once, per thread: 1 MiB in float32, the second-level cache of a core."""
MASKED = -1e4
"""Added to the logits of keys that do not count. Finite, so that 0 * MASKED is 0 and float16 holds it."""


def attend(
    queries: Float[Tensor, "g n d"],
    keys: Float[Tensor, "g d m"],
    values: Float[Tensor, "g d m"],
    rows: Float[Tensor, "g n j"],
    columns: Float[Tensor, "g n i"],
) -> Float[Tensor, "g d n"]:
    """Attention of scaled queries. No n * m weights are kept, forward or backward.

    A CPU walks over chunks of queries, in float32 where the inputs are narrower: on Zen 4 that is quicker than torch's products
    of bfloat16 (1.6 times at 56x56) and float16 (5 times). Other devices and compilers get torch's fused attention, `folded`.
    """
    if queries.device.type not in ("cpu", "meta") or torch.compiler.is_compiling():
        return folded(queries, keys, values, rows, columns)
    inputs = (queries, keys, values, rows, columns)
    y: Tensor = _Chunked.apply(*(tensor.float() if tensor.itemsize < 4 else tensor for tensor in inputs))  # pyright: ignore[reportAssignmentType]
    return y.to(queries.dtype)


def folded(queries: Tensor, keys: Tensor, values: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """q.k + row + column as one product of depth d + j + i: the queries carry rows and columns, the keys say by ones where they stand."""
    g, d, _ = keys.shape
    j, i = rows.shape[2], columns.shape[2]
    like = {"dtype": keys.dtype, "device": keys.device}
    places = torch.cat([torch.eye(j, **like).repeat_interleave(i, 0), torch.eye(i, **like).repeat(j, 1)], 1)
    y = functional.scaled_dot_product_attention(
        torch.cat([queries, rows, columns], 2).unsqueeze(1),
        torch.cat([keys.transpose(1, 2), places.expand(g, -1, -1)], 2).unsqueeze(1),
        # fused kernels want values as deep as the keys
        functional.pad(values.transpose(1, 2), (0, j + i)).unsqueeze(1),
        scale=1.0,
    )
    return y[:, 0, :, :d].transpose(1, 2)


class _Chunked(torch.autograd.Function):
    """Explicit attention in chunks that stay in the cache; the backward makes the weights again.

    On one core of a Zen 4 EPYC, a 56x56 map with 64 channels takes 113 ms forward and 371 ms with its backward; fused attention
    with a mask takes 329 and 1813 and keeps 0.3 and 1 GB, folded it takes 439 and 1586 (torch 2.15, float32, 8 heads).
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(ctx: Any, *inputs: Tensor) -> Tensor:
        queries, _, values, *_ = inputs
        y = values.new_empty(values.shape[0], values.shape[1], queries.shape[1])
        for g, n in _chunks(queries.shape[0], queries.shape[1], values.shape[2]):
            y[g, :, n] = values[g] @ _weights(inputs, g, n).transpose(1, 2)
        ctx.save_for_backward(*inputs, y)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        *inputs, y = ctx.saved_tensors
        queries, keys, values, rows, columns = inputs
        outer = gradients[0].to(y.dtype)
        of_queries, of_rows, of_columns = (torch.empty_like(item) for item in (queries, rows, columns))
        of_keys, of_values = torch.zeros_like(keys), torch.zeros_like(values)
        shift = (outer * y).sum(1)
        for g, n in _chunks(queries.shape[0], queries.shape[1], values.shape[2]):
            weights = _weights(inputs, g, n)
            of_values[g] += outer[g, :, n] @ weights
            of_logits = (outer[g, :, n].transpose(1, 2) @ values[g]).sub_(shift[g, n, None]).mul_(weights)
            # as wide as possible: of_logits @ keys^T, d columns, takes four times as long at d = 8
            of_queries[g, n] = (keys[g] @ of_logits.transpose(1, 2)).transpose(1, 2)
            of_keys[g] += queries[g, n].transpose(1, 2) @ of_logits
            grid = of_logits.unflatten(2, (rows.shape[2], columns.shape[2]))
            of_rows[g, n], of_columns[g, n] = grid.sum(3), grid.sum(2)
        return of_queries, of_keys, of_values, of_rows, of_columns


def _chunks(groups: int, n: int, m: int) -> list[tuple[slice, slice]]:
    """Slices of groups and queries: whole groups while they fit, queries of as many groups as there are threads else."""
    threads = torch.get_num_threads()
    queries = min(n, max(1, CHUNK // m))
    at_once = max(1, CHUNK // (n * m)) * threads
    return [
        (slice(g, g + at_once), slice(start, start + queries))
        for g in range(0, groups, at_once)
        for start in range(0, n, queries)
    ]


def _weights(inputs: Sequence[Tensor], g: slice, n: slice) -> Float[Tensor, "g n m"]:
    queries, keys, _, rows, columns = inputs
    logits = (rows[g, n, :, None] + columns[g, n, None, :]).flatten(2)
    return torch.baddbmm(logits, queries[g, n], keys[g], out=logits).softmax(2)
