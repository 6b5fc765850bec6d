"""For CUDA, in Triton: lambdas of a tile of queries by one matrix product, met by the queries where they are made; none is stored.

A program has a tile of queries and a block of columns, each column one channel of one image. Embeddings between the tile and the
positions around it, [queries x k, around], times values [around, columns] are position lambdas [queries x k, columns] in registers;
content lambdas are added, and heads of the queries multiplied with them there, after they are rounded to the values' type. The
backward pass makes them again. Products accumulate in float32. Embeddings of wide windows stay in shared memory while blocks of
columns go by, where there is room and it asks less of the second-level cache; `triton_streamed` reads them for each block. Not
measured on a GPU yet: "auto" takes it where `lambdabench prove` found it the quickest.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..core.registry import ROOT
from . import _operator, conv2d
from ._triton.launches import INTERPRETED, gradients, is_addressable, outputs


def apply(
    queries: Float[Tensor, "b h k height width"],
    values: Float[Tensor, "b v u height_m width_m"],
    content: Float[Tensor, "b k v"] | None,
    embeddings: Float[Tensor, "k u r_y r_x"] | None,
) -> Float[Tensor, "b h v height width"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out.

    The portable kernel runs on another device or one before compute capability 8.0, in float64, for an intra-depth over 1, without
    embeddings (then it is one product), from 2^31 elements of a tensor or a table on, and within a transform of torch.func.
    """
    return applied(_apply, queries, values, content, embeddings)


def applied(
    operator: Any,
    queries: Float[Tensor, "b h k height width"],
    values: Float[Tensor, "b v u height_m width_m"],
    content: Float[Tensor, "b k v"] | None,
    embeddings: Float[Tensor, "k u r_y r_x"] | None,
) -> Float[Tensor, "b h v height width"]:
    """By one of the `operators`, or the portable kernel, as in `apply`."""
    ours = embeddings is not None and runs(values, values.shape[2]) and is_addressable(queries, values, embeddings)
    if not ours or _operator.in_transform():
        return conv2d.apply(queries, values, content, embeddings)
    return operator(queries, values, content, embeddings)


def runs(like: Tensor, intra_depth: int = 1) -> bool:
    """Whether this kernel is for such tensors and such an intra-depth."""
    on_cuda = like.is_cuda and torch.version.hip is None
    here = INTERPRETED or (on_cuda and torch.cuda.get_device_properties(like.device).major >= 8)
    return here and intra_depth == 1 and like.dtype in (torch.float32, torch.bfloat16, torch.float16)


def operators(name: str, *, stream: bool = False) -> tuple[Any, Any]:
    """Two operators of torch: lambdas applied, and `name`_backward with the gradients, empty where an input is None. `stream`: no table
    stays in shared memory."""

    @torch.library.custom_op(f"{ROOT}::{name}", mutates_args=())
    def apply(queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor) -> Tensor:
        q, plain, c = _channels_last(queries, values, content)
        return outputs(q, plain, c, embeddings, stream=stream).permute(0, 3, 4, 1, 2)

    @torch.library.custom_op(f"{ROOT}::{name}_backward", mutates_args=())
    def backward(
        gradient: Tensor, queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        q, plain, c = _channels_last(queries, values, content)
        d_y = gradient.permute(0, 3, 4, 1, 2).to(values.dtype).contiguous()
        d_queries, d_values, d_embeddings = gradients(d_y, q, plain, c, embeddings, stream=stream)
        d_content = values.new_empty(0)
        if content is not None:
            d_content = torch.einsum("byxhk,byxhv->bkv", q.to(d_y.dtype), d_y).to(content.dtype).contiguous()
        return d_queries.permute(0, 3, 4, 1, 2), d_values.permute(0, 3, 1, 2)[:, :, None], d_content, d_embeddings

    apply.register_fake(_fake)
    backward.register_fake(_fake_gradients)
    _operator.register(name, apply, backward)
    return apply, backward


def _fake(queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor) -> Tensor:
    b, h, _, height, width = queries.shape
    return values.new_empty((b, height, width, h, values.shape[1])).permute(0, 3, 4, 1, 2)


def _fake_gradients(
    gradient: Tensor, queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    b, h, k, height, width = queries.shape
    v, _, rows, columns = values.shape[1:]
    return (
        queries.new_empty((b, height, width, h, k)).permute(0, 3, 4, 1, 2),
        values.new_empty((b, rows, columns, v)).permute(0, 3, 1, 2)[:, :, None],
        values.new_empty(0) if content is None else torch.empty_like(content, memory_format=torch.contiguous_format),
        embeddings.new_empty(embeddings.shape),
    )


def _channels_last(
    queries: Tensor, values: Tensor, content: Tensor | None
) -> tuple[Float[Tensor, "b height width h k"], Float[Tensor, "b height_m width_m v"], Tensor | None]:
    return (
        queries.permute(0, 3, 4, 1, 2).contiguous(),
        values.permute(0, 2, 3, 4, 1)[:, 0].contiguous(),
        None if content is None else content.contiguous(),
    )


_apply, _gradients = operators("apply_lambdas_triton")
