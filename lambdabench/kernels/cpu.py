"""Compiled, on CPUs: queries first, cut at the borders, no position lambdas in memory; the backward pass makes the weights again.

A torch operator of the package's own namespace, so that torch.compile, export and a second version of the package pass through it.
Computes in float32 and returns what it was given: float64 goes to the portable kernel.
"""

import ctypes
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from . import _cpu, _operator, conv2d

SPACE = __name__.split(".")[0]


def apply(
    queries: Float[Tensor, "b h k height width"],
    values: Float[Tensor, "b v u height_m width_m"],
    content: Float[Tensor, "b k v"] | None,
    embeddings: Float[Tensor, "k u r_y r_x"] | None,
) -> Float[Tensor, "b h v height width"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out.

    On another device, in float64, and within a transform of torch.func the portable kernel runs.
    """
    if not runs(values) or _operator.in_transform():
        return conv2d.apply(queries, values, content, embeddings)
    return _apply_lambdas(queries, values, content, embeddings)


def runs(like: Tensor, intra_depth: int = 1) -> bool:
    """Whether the compiled kernel is for such tensors, whatever the intra-depth."""
    return like.device.type == "cpu" and like.dtype in (torch.float32, torch.bfloat16, torch.float16)


@torch.library.custom_op(f"{SPACE}::apply_lambdas", mutates_args=())
def _apply_lambdas(queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None) -> Tensor:
    b, h, _, height, width = queries.shape
    y = torch.empty((b, height, width, h, values.shape[1]), dtype=torch.float32)
    library = _cpu.library()
    assert library is not None
    given = _channels_last(queries, values, content, embeddings)
    library.lambda_forward(*_pointers(*given, y), _sizes(queries, values, embeddings), torch.get_num_threads())
    return _maps_of(y.to(values.dtype))


@_apply_lambdas.register_fake
def _(queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None) -> Tensor:
    b, h, _, height, width = queries.shape
    return _maps_of(values.new_empty((b, height, width, h, values.shape[1])))


@torch.library.custom_op(f"{SPACE}::apply_lambdas_backward", mutates_args=())
def _gradients(
    gradient: Tensor, queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of queries, values, content, embeddings, with the inputs' dtypes; empty where an input is None."""
    library = _cpu.library()
    assert library is not None
    given = _channels_last(queries, values, content, embeddings)
    d_y = _plain(gradient.permute(0, 3, 4, 1, 2))
    tensors = [None if tensor is None else torch.empty_like(tensor) for tensor in given]
    library.lambda_backward(
        *_pointers(*given, d_y, *tensors), _sizes(queries, values, embeddings), torch.get_num_threads()
    )
    d_queries, d_values, d_content, d_embeddings = tensors
    assert d_queries is not None
    assert d_values is not None
    return (
        d_queries.permute(0, 3, 4, 1, 2).to(queries.dtype),
        d_values.permute(0, 4, 1, 2, 3).to(values.dtype),
        values.new_empty(0) if content is None or d_content is None else d_content.to(content.dtype),
        values.new_empty(0)
        if embeddings is None or d_embeddings is None
        else d_embeddings.transpose(0, 1).to(embeddings.dtype),
    )


@_gradients.register_fake
def _(
    gradient: Tensor, queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    b, h, k, height, width = queries.shape
    v, u, rows, columns = values.shape[1:]
    return (
        queries.new_empty((b, height, width, h, k)).permute(0, 3, 4, 1, 2),
        values.new_empty((b, u, rows, columns, v)).permute(0, 4, 1, 2, 3),
        values.new_empty(0) if content is None else content.new_empty(content.shape),
        values.new_empty(0)
        if embeddings is None
        else embeddings.new_empty((u, k, *embeddings.shape[2:])).transpose(0, 1),
    )


_operator.register("apply_lambdas", _apply_lambdas, _gradients)


def _channels_last(
    queries: Tensor, values: Tensor, content: Tensor | None, embeddings: Tensor | None
) -> tuple[Tensor | None, ...]:
    """As the library takes them."""
    return (
        _plain(queries.permute(0, 3, 4, 1, 2)),
        _plain(values.permute(0, 2, 3, 4, 1)),
        None if content is None else _plain(content),
        None if embeddings is None else _plain(embeddings.transpose(0, 1)),
    )


def _pointers(*given: Tensor | None) -> list[int | None]:
    """Addresses; whoever asks keeps the tensors."""
    return [None if tensor is None else tensor.data_ptr() for tensor in given]


def _sizes(queries: Tensor, values: Tensor, embeddings: Tensor | None) -> Any:
    b, h, k, height, width = queries.shape
    v, u, rows, columns = values.shape[1:]
    scope = (1, 1) if embeddings is None else embeddings.shape[2:]
    return (ctypes.c_int64 * 11)(b, height, width, rows, columns, h, k, u, v, *scope)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.float32).contiguous()


def _maps_of(y: Tensor) -> Tensor:
    """[b, height, width, h, v] seen as [b, h, v, height, width]: channels last in memory."""
    return y.permute(0, 3, 4, 1, 2)
