"""A whole layer in inference: one matrix product for all projections, then one pass of the compiled kernel over it.

Batch norm is folded in, keys are normalised and lambdas applied while an image's projections are in the cache. A torch operator of
the package's own namespace.
"""

import ctypes
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

from ...core.lambdas import applied_macs
from ...core.registry import ROOT
from .build import library

AT_ONCE_BYTES = 2 << 20
"""Of projections, for each thread."""
ROOM = 16
"""Numbers that may be read behind the last one."""


def infer(
    x: Float[Tensor, "b d height width"],
    projections: Sequence[Tensor],
    norms: Sequence[nn.BatchNorm2d],
    embeddings: Float[Tensor, "k 1 r_y r_x"] | None,
    *,
    heads: int,
    bias: Float[Tensor, " k"] | None = None,
) -> Float[Tensor, "b h*v height width"]:
    """The layer's output in the layout of its input.

    `projections` are weights [channels, d(, 1, 1)] of queries, of keys where there is a content term, and of values; `norms` are
    those of queries and of values, or none; `bias` is added to every content lambda. Keys are normalised by softmax. No gradients.
    """
    weight = torch.cat([one.flatten(1) for one in projections])
    numbers = [part for one in norms for part in _numbers(one)]
    key_depth = len(projections[0]) // heads
    operator = getattr(torch.ops, ROOT).lambda_layer
    epsilons = [one.eps for one in norms]
    return operator(x, weight, numbers, epsilons, bias, embeddings, heads, key_depth, len(projections) == 3)


def _numbers(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.weight, norm.bias, norm.running_mean, norm.running_var


def are_plain(projections: Sequence[nn.Module], norms: Sequence[nn.Module]) -> bool:
    """Whether they do what their weights say and no more: no hooks, no biases, batch norms with running statistics."""
    for one in projections:
        if type(one) is not nn.Conv2d or one.bias is not None or one._forward_hooks or one._forward_pre_hooks:
            return False
    for one in norms:
        if type(one) is not nn.BatchNorm2d or not one.affine or one.running_mean is None:
            return False
        if one._forward_hooks or one._forward_pre_hooks:
            return False
    return True


def _lambda_layer(  # noqa: PLR0917 (the operator's signature)
    x: Tensor,
    weight: Tensor,
    norms: list[Tensor],
    epsilons: list[float],
    bias: Tensor | None,
    embeddings: Tensor | None,
    heads: int,
    key_depth: int,
    content: bool,
) -> Tensor:
    b, d, height, width = x.shape
    channels, n = len(weight), height * width
    v = channels - heads * key_depth - key_depth * content
    first = _channels_first(x)
    y = torch.empty((b, heads * v, n) if first else (b, n, heads * v), dtype=torch.float32)
    plain = [_plain(one) for one in norms]
    added, table = (None if one is None else _plain(one) for one in (bias, embeddings))
    loaded = library()
    assert loaded is not None
    threads, right = torch.get_num_threads(), weight.detach().float().t()
    step = max(1, min(b, max(threads, threads * AT_ONCE_BYTES // (4 * n * channels))))
    room = torch.empty(step * n * channels + ROOM, dtype=torch.float32)
    pointers = (ctypes.c_void_p * 8)(*(one.data_ptr() for one in plain)) if plain else None
    scope = (1, 1) if table is None else table.shape[2:]
    for start in range(0, b, step):
        part = x[start : start + step].detach().float()
        count = len(part)
        projected = room[: count * n * channels].view(count, n, channels)
        if first:
            torch.bmm(part.reshape(count, d, n).transpose(1, 2), right.expand(count, d, channels), out=projected)
        else:
            torch.mm(part.permute(0, 2, 3, 1).reshape(count * n, d), right, out=projected.view(-1, channels))
        loaded.lambda_layer(
            room.data_ptr(),
            pointers,
            (ctypes.c_double * 2)(*epsilons),
            None if added is None else added.data_ptr(),
            None if table is None else table.data_ptr(),
            y[start:].data_ptr(),
            (ctypes.c_int64 * 11)(count, height, width, height, width, heads, key_depth, 1, v, *scope),
            content,
            first,
            threads,
        )
    return _as_map(y.to(x.dtype), first, height, width)


def _plain(one: Tensor) -> Tensor:
    is_so = one.dtype is torch.float32 and one.is_contiguous()
    return one if is_so else one.detach().float().contiguous()


def _fake(  # noqa: PLR0917 (the operator's signature)
    x: Tensor,
    weight: Tensor,
    norms: list[Tensor],
    epsilons: list[float],
    bias: Tensor | None,
    embeddings: Tensor | None,
    heads: int,
    key_depth: int,
    content: bool,
) -> Tensor:
    b, _, height, width = x.shape
    out = heads * (len(weight) - heads * key_depth - key_depth * content)
    first = _channels_first(x)
    y = x.new_empty((b, out, height * width) if first else (b, height * width, out))
    return _as_map(y, first, height, width)


def _channels_first(x: Tensor) -> bool:
    """As memory has it; what is both is channels first."""
    return x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last)


def _as_map(y: Tensor, first: bool, height: int, width: int) -> Tensor:
    return y.unflatten(2, (height, width)) if first else y.unflatten(1, (height, width)).permute(0, 3, 1, 2)


_LIBRARY = torch.library.Library(ROOT, "FRAGMENT")
_LIBRARY.define(
    "lambda_layer(Tensor x, Tensor weight, Tensor[] norms, float[] epsilons, Tensor? bias, Tensor? embeddings, int heads, int key_depth, "
    "bool content) -> Tensor"
)
_LIBRARY.impl("lambda_layer", _lambda_layer, "CPU")
torch.library.register_fake(f"{ROOT}::lambda_layer", _fake, lib=_LIBRARY)


@register_flop_formula(getattr(torch.ops, ROOT).lambda_layer)
def _flops(  # noqa: PLR0917 (the operator's signature)
    x: tuple[int, ...],
    weight: tuple[int, ...],
    norms: object,
    epsilons: object,
    bias: object,
    embeddings: tuple[int, ...] | None,
    heads: int,
    key_depth: int,
    content: bool,
    *_: object,
    **__: object,
) -> int:
    """As the portable kernel's, so that a network has one count whatever runs."""
    b, d, height, width = x
    v = weight[0] - heads * key_depth - key_depth * content
    scope = None if embeddings is None else embeddings[2:]
    applied = applied_macs((b, heads, key_depth, height, width), (b, v, 1, height, width), content=content, scope=scope)
    lambdas = b * height * width * key_depth * v if content else 0
    return 2 * (b * height * width * d * weight[0] + lambdas + applied)
