"""A whole layer in inference in one call of the compiled kernel.

Projections, with batch norm folded in, are made a few positions at a time and used while they are in the cache: first keys and
values, for the content lambda, then queries, to which lambdas are applied at once. A torch operator of the package's own namespace.
"""

import struct
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.flop_counter import register_flop_formula

from ...core.registry import ROOT
from .build import library
from .whole import are_plain, channels_first, is_dense, is_seen, layer_macs, plain, refuse_other_depth


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
    An operator, whose way through torch takes as long as a small map: where nobody can see it, it is called without torch.
    """
    numbers: list[Any] = []
    for norm in norms:
        own, running = norm._parameters, norm._buffers
        numbers += (own["weight"], own["bias"], running["running_mean"], running["running_var"])
    epsilons = [batch_norm2d.eps for batch_norm2d in norms]
    if not is_seen(x) and is_dense(x) and are_plain((*projections, *numbers, bias, embeddings)):
        same = heads * len(projections[-1]) == x.shape[1]
        y = torch.empty_like(x) if same else _empty(x, heads * len(projections[-1]))
        return _run(x, y, projections, numbers, epsilons, bias, embeddings, heads)
    return _OPERATORS.lambda_layer(x, list(projections), numbers, epsilons, bias, embeddings, heads)


def _run(  # noqa: PLR0917 (the operator's)
    x: Tensor,
    y: Tensor,
    projections: Sequence[Tensor],
    norms: Sequence[Tensor],
    epsilons: Sequence[float],
    bias: Tensor | None,
    embeddings: Tensor | None,
    heads: int,
) -> Tensor:
    """y, of numbers that can be read as they are."""
    loaded = library()
    assert loaded is not None
    b, depth, height, width = x.shape
    queries, *keys, values = projections
    v, first = len(values), x.is_contiguous()
    scope = (1, 1) if embeddings is None else embeddings.shape[2:]
    loaded.lambda_layer(
        _GIVEN.pack(
            *(x.data_ptr(), queries.data_ptr(), keys[0].data_ptr() if keys else 0, values.data_ptr()),
            *([norm.data_ptr() for norm in norms] or _NO_NORMS),
            *(0 if bias is None else bias.data_ptr(), 0 if embeddings is None else embeddings.data_ptr(), y.data_ptr()),
            *(b, height, width, height, width, heads, len(queries) // heads, 1, v, *scope),
            *(depth, first, torch.get_num_threads(), *(epsilons or _NO_EPSILONS)),
        )
    )
    return y


_GIVEN = struct.Struct("15P14q2d")
"""`Layer` of lambda.cpp."""
_NO_NORMS, _NO_EPSILONS = (0,) * 8, (0.0, 0.0)


def _empty(x: Tensor, channels: int) -> Tensor:
    """In the layout of the input."""
    b, _, height, width = x.shape
    layout = torch.contiguous_format if channels_first(x) else torch.channels_last
    return torch.empty((b, channels, height, width), dtype=x.dtype, device=x.device, memory_format=layout)


def _infer(  # noqa: PLR0917 (the operator's signature)
    x: Tensor,
    projections: list[Tensor],
    norms: list[Tensor],
    epsilons: list[float],
    bias: Tensor | None,
    embeddings: Tensor | None,
    heads: int,
) -> Tensor:
    refuse_other_depth(x, projections)
    layout = torch.contiguous_format if channels_first(x) else torch.channels_last
    maps = x.detach().float().contiguous(memory_format=layout)
    added, table = (None if tensor is None else plain(tensor) for tensor in (bias, embeddings))
    y = _empty(maps, heads * len(projections[-1]))
    _run(
        maps,
        y,
        [plain(projection) for projection in projections],
        [plain(norm) for norm in norms],
        epsilons,
        added,
        table,
        heads,
    )
    return y.to(x.dtype)


def _fake(x: Tensor, projections: list[Tensor], *others: Any) -> Tensor:
    return _empty(x, others[-1] * len(projections[-1]))


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
    channels = sum(projection[0] for projection in projections)
    return 2 * layer_macs(x, channels, embeddings, heads, projections[0][0] // heads, content=len(projections) == 3)
