"""A whole layer in training: projections, batch norm by the batch's statistics, softmax, lambdas and all gradients in one operator.

What is kept for the way back is the projections, statistics and content lambdas; position lambdas are never made. Torch operators of
the package's own namespace. Small maps feel every call made here, so there are few.
"""

from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.flop_counter import register_flop_formula

from ...core.registry import ROOT
from .build import library
from .plan import Plan, planned
from .whole import Numbers, are_plain, channels_first, is_dense, is_seen, layer_macs, plain

_TENSORS = "Tensor x, Tensor[] projections, Tensor[] norms, Tensor? bias, Tensor? embeddings"
_cached_plan = lru_cache(maxsize=1024)(planned)


@lru_cache(maxsize=1024)
def _numbers(kind: str, numbers: tuple[float, ...]) -> Numbers:
    return Numbers(kind, numbers)


def _plan(  # noqa: PLR0917 (as the operators have them)
    x: Tensor,
    projections: Sequence[Tensor],
    norms: Sequence[Tensor],
    bias: Tensor | None,
    embeddings: Tensor | None,
    heads: int,
) -> Plan:
    scope = None if embeddings is None else tuple(embeddings.shape[2:])
    plan = _cached_plan if type(x) is Tensor else planned
    return plan(
        tuple(x.shape), tuple([one.shape[0] for one in projections]), (bool(norms), bias is not None), scope, heads
    )


def train(
    x: Float[Tensor, "b d height width"],
    projections: Sequence[Tensor],
    norms: Sequence[nn.BatchNorm2d],
    embeddings: Float[Tensor, "k 1 r_y r_x"] | None,
    *,
    heads: int,
    bias: Float[Tensor, " k"] | None = None,
) -> Float[Tensor, "b h*v height width"]:
    """The layer's output in the layout of its input, as `inference.infer` takes it; running statistics move on, gradients flow."""
    parts = [one._parameters for one in norms]
    weights = [*projections, *[one["weight"] for one in parts], *[one["bias"] for one in parts]]
    bias = bias if len(projections) == 3 else None
    seen = is_seen(x) or not is_dense(x) or not are_plain((*weights, bias, embeddings))
    settings = (len(projections), norms, heads, seen)
    found = _Layer.apply(settings, x, bias, embeddings, *weights)
    if not seen:
        return found
    y, kept = found
    if norms:
        _move_on(norms, kept)
    return y


def _move_on(norms: Sequence[Any], kept: Tensor) -> None:
    """Running statistics, as batch norm moves them: at once where nobody watches torch's operators."""
    buffers = [one._buffers for one in norms]
    means, variances = ([own[name] for own in buffers] for name in ("running_mean", "running_var"))
    numbers, counts = [*means, *variances], [own["num_batches_tracked"] for own in buffers]
    watched = torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack()
    if watched or not all(type(one) is Tensor and plain(one) is one for one in (kept, *numbers)):
        _move_by_torch(norms, kept, numbers, counts)
        return
    loaded = library()
    assert loaded is not None
    sizes = _numbers("q", tuple([one.num_features for one in norms]))
    shares = _numbers("d", tuple([one.momentum for one in norms]))
    moved = array("Q", [one.data_ptr() for one in (*numbers, *counts)])
    loaded.lambda_statistics(kept.data_ptr(), moved.buffer_info()[0], shares.pointer, sizes.pointer)
    torch.autograd.graph.increment_version([*numbers, *counts])


def _move_by_torch(norms: Sequence[Any], kept: Tensor, numbers: Sequence[Tensor], counts: Sequence[Tensor]) -> None:
    sizes = [one.num_features for one in norms]
    total = sum(sizes)
    *means, _, variance_q, variance_v, _ = kept.split_with_sizes([*sizes, total, *sizes, kept.shape[0] - 3 * total])
    found = [*means, variance_q, variance_v]
    with torch.no_grad():
        for side, one in enumerate(norms):
            _move(numbers[side::2], found[side::2], one.momentum)
        _count(counts, 1)


def _given(
    x: Tensor, projections: Sequence[Tensor], norms: Sequence[Tensor], bias: Tensor | None, embeddings: Tensor | None
) -> tuple[array, list[Tensor | None]]:
    """Addresses as the library takes them, and tensors that must live as long."""
    keys = projections[1] if len(projections) == 3 else None
    tensors = [projections[0], keys, projections[-1], *(norms or (None,) * 4), bias, embeddings]
    kept = [x, *[None if one is None else plain(one) for one in tensors]]
    return array("Q", [0 if one is None else one.data_ptr() for one in kept]), kept


def _layout(first: bool) -> torch.memory_format:
    return torch.contiguous_format if first else torch.channels_last


def _outputs(x: Tensor, plan: Plan, first: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Empty: (y, projections [b * n * channels] with room behind, what is kept)."""
    y = torch.empty(plan.y, dtype=x.dtype, device=x.device, memory_format=_layout(first))
    return y, x.new_empty(plan.room), x.new_empty(plan.kept)


def _forward(  # noqa: PLR0917 (the operator's signature)
    x: Tensor,
    projections: list[Tensor],
    norms: list[Tensor],
    bias: Tensor | None,
    embeddings: Tensor | None,
    epsilons: list[float],
    heads: int,
) -> tuple[Tensor, Tensor, Tensor]:
    loaded = library()
    assert loaded is not None
    first, plan = channels_first(x), _plan(x, projections, norms, bias, embeddings, heads)
    y, room, kept = _outputs(x, plan, first)
    given, _alive = _given(x.contiguous() if first else x, projections, norms, bias, embeddings)
    loaded.lambda_layer_train(
        *(
            given.buffer_info()[0],
            _numbers("d", tuple(epsilons)).pointer,
            y.data_ptr(),
            room.data_ptr(),
            kept.data_ptr(),
        ),
        *(_numbers("q", plan.sizes).pointer, x.shape[1], first, torch.get_num_threads()),
    )
    return y, room, kept


def _gradients(x: Tensor, plan: Plan, of_input: bool, first: bool) -> tuple[Tensor, Tensor]:
    """Empty: of the input, and of all parameters one after the other."""
    d_x = torch.empty_like(x, memory_format=_layout(first)) if of_input else x.new_empty(0)
    return d_x, x.new_empty(plan.parameters)


def _backward(  # noqa: PLR0917 (the operator's signature)
    d_y: Tensor,
    room: Tensor,
    kept: Tensor,
    of_input: bool,
    x: Tensor,
    projections: list[Tensor],
    norms: list[Tensor],
    bias: Tensor | None,
    embeddings: Tensor | None,
    heads: int,
) -> tuple[Tensor, Tensor]:
    loaded = library()
    assert loaded is not None
    first, plan = channels_first(x), _plan(x, projections, norms, bias, embeddings, heads)
    d_x, gradients = _gradients(x, plan, of_input, first)
    d_y = d_y.contiguous(memory_format=_layout(first))
    given, _alive = _given(x.contiguous() if first else x, projections, norms, bias, embeddings)
    loaded.lambda_layer_back(
        *(given.buffer_info()[0], room.data_ptr(), kept.data_ptr(), d_y.data_ptr(), d_x.data_ptr() or None),
        *(gradients.data_ptr(), _numbers("q", plan.sizes).pointer, x.shape[1], first, torch.get_num_threads()),
    )
    return d_x, gradients


class _Layer(torch.autograd.Function):
    """The two operators as one that has gradients; a fraction of what gradients registered with the operator itself cost a call.
    Where nobody can see them they are called without torch, whose way to them takes as long as a small map."""

    @staticmethod
    def forward(ctx: Any, settings: tuple[int, Sequence[Any], int, bool], *tensors: Any) -> Any:
        """y, and where it is seen what is kept as well: an operator changes no statistics."""
        count, norms, heads, seen = settings
        x, bias, embeddings, *weights = tensors
        run = _TRAIN if seen else _forward
        y, room, kept = run(x, weights[:count], weights[count:], bias, embeddings, [one.eps for one in norms], heads)
        ctx.save_for_backward(room, kept, *tensors)
        ctx.settings = (count, heads, seen)
        if not seen:
            if norms:
                _move_on(norms, kept)
            return y
        ctx.mark_non_differentiable(kept)
        ctx.set_materialize_grads(False)
        return y, kept

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_y: Tensor | None, *_: None) -> tuple[Any, ...]:
        if d_y is None:
            return (None,) * len(ctx.needs_input_grad)
        room, kept, x, bias, embeddings, *weights = ctx.saved_tensors
        count, heads, seen = ctx.settings
        of_input = ctx.needs_input_grad[1]
        run, apart = (_BACK, _apart) if seen or is_seen(d_y) else (_backward, _apart_unseen)
        d_x, gradients = run(d_y, room, kept, of_input, x, weights[:count], weights[count:], bias, embeddings, heads)
        parameters = [*weights, *[one for one in (bias, embeddings) if one is not None]]
        found = list(apart(gradients, parameters))
        d_embeddings = None if embeddings is None else found.pop()
        d_bias = None if bias is None else found.pop()
        return None, d_x if of_input else None, d_bias, d_embeddings, *found


_apart = torch.ops.aten.unflatten_dense_tensors.default
_apart_unseen = torch._C._nn.unflatten_dense_tensors  # pyright: ignore[reportAttributeAccessIssue]
_move = torch.ops.aten._foreach_lerp_.Scalar
_count = torch.ops.aten._foreach_add_.Scalar
_LIBRARY = torch.library.Library(ROOT, "FRAGMENT")
_LIBRARY.define(f"lambda_layer_train({_TENSORS}, float[] epsilons, int heads) -> (Tensor, Tensor, Tensor)")
_LIBRARY.define(
    f"lambda_layer_train_backward(Tensor d_y, Tensor room, Tensor kept, bool of_input, {_TENSORS}, int heads) "
    "-> (Tensor, Tensor)"
)
_LIBRARY.impl("lambda_layer_train", _forward, "CPU")
_LIBRARY.impl("lambda_layer_train_backward", _backward, "CPU")
_OPERATORS = getattr(torch.ops, ROOT)
_TRAIN = _OPERATORS.lambda_layer_train.default
_BACK = _OPERATORS.lambda_layer_train_backward.default


@torch.library.register_fake(f"{ROOT}::lambda_layer_train", lib=_LIBRARY)
def _fake_forward(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    x, projections, norms, bias, embeddings, _, heads = arguments
    return _outputs(x, _plan(x, projections, norms, bias, embeddings, heads), channels_first(x))


@torch.library.register_fake(f"{ROOT}::lambda_layer_train_backward", lib=_LIBRARY)
def _fake_backward(d_y: Tensor, room: Tensor, kept: Tensor, of_input: bool, *arguments: Any) -> tuple[Tensor, Tensor]:
    x, projections, norms, bias, embeddings, heads = arguments
    return _gradients(x, _plan(x, projections, norms, bias, embeddings, heads), of_input, channels_first(x))


@register_flop_formula(_OPERATORS.lambda_layer_train)
def _flops(
    x: Sequence[int],
    projections: Sequence[Sequence[int]],
    norms: object,
    bias: object,
    embeddings: Sequence[int] | None,
    *others: Any,
    **_: Any,
) -> int:
    channels, heads = sum(one[0] for one in projections), others[-1]  # tensors are shapes here
    return 2 * layer_macs(x, channels, embeddings, heads, projections[0][0] // heads, content=len(projections) == 3)


@register_flop_formula(_OPERATORS.lambda_layer_train_backward)
def _backward_flops(d_y: Any, room: Any, kept: Any, of_input: bool, *arguments: Any, **_: Any) -> int:
    """Each product has two gradients."""
    b, d, height, width = arguments[0]
    unneeded = 0 if of_input else b * height * width * d * sum(one[0] for one in arguments[1])
    return 2 * (_flops(*arguments) - unneeded)
