"""A whole layer in inference in one call of the compiled kernel.

Projections, with batch norm folded in, are made a few positions at a time and used while they are in the cache: first keys and
values, for the content lambda, then queries, to which lambdas are applied at once. A torch operator of the package's own namespace.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

from ...core.registry import ROOT
from .build import library
from .whole import Numbers, address, addresses, as_map, channels_first, counts, layer_macs, plain


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
    numbers: list[Any] = []
    for one in norms:
        own, running = one._parameters, one._buffers
        numbers += (own["weight"], own["bias"], running["running_mean"], running["running_var"])
    epsilons = [one.eps for one in norms]
    return _OPERATORS.lambda_layer(x, list(projections), numbers, epsilons, bias, embeddings, heads)


def _infer(  # noqa: PLR0917 (the operator's signature)
    x: Tensor,
    projections: list[Tensor],
    norms: list[Tensor],
    epsilons: list[float],
    bias: Tensor | None,
    embeddings: Tensor | None,
    heads: int,
) -> Tensor:
    loaded = library()
    assert loaded is not None
    b, d, height, width = x.shape
    first, n, v = channels_first(x), height * width, len(projections[-1])
    maps = x
    if x.dtype is not torch.float32 or not (first and x.is_contiguous()):
        maps = x.detach().float().contiguous(memory_format=torch.contiguous_format if first else torch.channels_last)
    weights = [plain(one) for one in projections]
    keys = weights[1] if len(weights) == 3 else None
    given = [plain(one) for one in norms]
    added, table = (None if one is None else plain(one) for one in (bias, embeddings))
    y = torch.empty((b, heads * v, n) if first else (b, n, heads * v), dtype=torch.float32)
    of_weights, of_norms, small = addresses(weights[0], keys, weights[-1]), addresses(*given), Numbers("d", epsilons)
    sizes = counts(b, (height, width), heads, len(weights[0]) // heads, v, table)
    loaded.lambda_layer(
        *(maps.data_ptr(), of_weights.pointer, of_norms.pointer, small.pointer, address(added), address(table)),
        *(y.data_ptr(), sizes.pointer, d, first, torch.get_num_threads()),
    )
    return as_map(y if x.dtype is torch.float32 else y.to(x.dtype), first, height, width)


def _fake(x: Tensor, projections: list[Tensor], *others: Any) -> Tensor:
    b, _, height, width = x.shape
    out, first = others[-1] * len(projections[-1]), channels_first(x)
    return as_map(x.new_empty((b, out, height * width) if first else (b, height * width, out)), first, height, width)


_OPERATORS = getattr(torch.ops, ROOT)
_LIBRARY = torch.library.Library(ROOT, "FRAGMENT")
_LIBRARY.define(
    "lambda_layer(Tensor x, Tensor[] projections, Tensor[] norms, float[] epsilons, Tensor? bias, Tensor? embeddings, int heads) -> Tensor"
)
_LIBRARY.impl("lambda_layer", _infer, "CPU")
torch.library.register_fake(f"{ROOT}::lambda_layer", _fake, lib=_LIBRARY)


@register_flop_formula(_OPERATORS.lambda_layer)
def _flops(  # noqa: PLR0917 (the operator's signature)
    x: tuple[int, ...],
    projections: list[tuple[int, ...]],
    norms: object,
    epsilons: object,
    bias: object,
    embeddings: tuple[int, ...] | None,
    heads: int,
    *_: object,
    **__: object,
) -> int:
    channels = sum(one[0] for one in projections)
    return 2 * layer_macs(x, channels, embeddings, heads, projections[0][0] // heads, content=len(projections) == 3)
