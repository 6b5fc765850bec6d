"""A whole layer in inference: one matrix product for all projections, then one pass of the compiled kernel over it.

Batch norm is folded in, keys are normalised and lambdas applied while an image's projections are in the cache. A torch operator of
the package's own namespace.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

from ...core.registry import ROOT
from .build import library
from .whole import ROOM, address, as_map, channels_first, counts, doubles, layer_macs, plain, pointers

AT_ONCE_BYTES = 2 << 20
"""Of projections, for each thread."""


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
    numbers = [part for one in norms for part in (one.weight, one.bias, one.running_mean, one.running_var)]
    key_depth = len(projections[0]) // heads
    operator = getattr(torch.ops, ROOT).lambda_layer
    epsilons = [one.eps for one in norms]
    return operator(x, weight, numbers, epsilons, bias, embeddings, heads, key_depth, len(projections) == 3)


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
    first = channels_first(x)
    y = torch.empty((b, heads * v, n) if first else (b, n, heads * v), dtype=torch.float32)
    given = [plain(one) for one in norms]
    added, table = (None if one is None else plain(one) for one in (bias, embeddings))
    loaded = library()
    assert loaded is not None
    threads, right = torch.get_num_threads(), weight.detach().float().t()
    step = max(1, min(b, max(threads, threads * AT_ONCE_BYTES // (4 * n * channels))))
    room = torch.empty(step * n * channels + ROOM, dtype=torch.float32)
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
            pointers(given),
            doubles(*epsilons),
            address(added),
            address(table),
            y[start:].data_ptr(),
            counts(count, (height, width), heads, key_depth, v, table),
            content,
            first,
            threads,
        )
    return as_map(y.to(x.dtype), first, height, width)


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
    first = channels_first(x)
    y = x.new_empty((b, out, height * width) if first else (b, height * width, out))
    return as_map(y, first, height, width)


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
    return 2 * layer_macs(x, weight[0], embeddings, heads, key_depth, content)
