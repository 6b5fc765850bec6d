"""A whole layer in training: projections, batch norm by the batch's statistics, softmax, lambdas and all gradients in one operator.

What is kept for the way back is the projections, statistics and content lambdas; position lambdas are never made. Torch operators of
the package's own namespace. Small maps feel every call made here, so there are few.
"""

import struct
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
from .plan import ROOM, Plan, planned
from .whole import are_plain, channels_first, is_dense, is_seen, layer_macs, plain, refuse_other_depth

_TENSORS = "Tensor x, Tensor[] projections, Tensor[] norms, Tensor? bias, Tensor? embeddings"
_ADDRESSES, _SIZES, _EPSILONS, _MOVED = (struct.Struct(name) for name in ("10P", "11q", "2d", "6P2d2q"))
_NO_NORMS, _NO_EPSILONS = (0,) * 4, (0.0, 0.0)
_Shapes = tuple[tuple[int, ...], tuple[int, ...], tuple[bool, bool], tuple[int, ...] | None]


def _shapes(
    x: Tensor, projections: Sequence[Tensor], norms: Sequence[Tensor], bias: Tensor | None, embeddings: Tensor | None
) -> _Shapes:
    """As `planned` takes them, without the heads."""
    scope = None if embeddings is None else tuple(embeddings.shape[2:])
    return (
        tuple(x.shape),
        tuple([projection.shape[0] for projection in projections]),
        (bool(norms), bias is not None),
        scope,
    )


@lru_cache(maxsize=1024)
def _plan(shapes: _Shapes, heads: int) -> tuple[Plan, bytes]:
    """With the sizes as the library takes them."""
    plan = planned(*shapes, heads)
    return plan, _SIZES.pack(*plan.sizes)


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
    parts = [norm._parameters for norm in norms]
    weights = [*projections, *[part["weight"] for part in parts], *[part["bias"] for part in parts]]
    bias = bias if len(projections) == 3 else None
    settings = (len(projections), norms, heads)
    if not is_seen(x) and is_dense(x) and are_plain((*weights, bias, embeddings)):
        return _Unseen.apply((*settings, torch.is_grad_enabled()), x, bias, embeddings, *weights)
    y, kept = _Seen.apply(settings, x, bias, embeddings, *weights)
    if norms:
        _move_on(norms, kept)
    return y


def _move_on(norms: Sequence[Any], kept: Tensor) -> None:
    """Running statistics, as batch norm moves them: at once where nobody watches torch's operators."""
    queries, values = norms
    of_queries, of_values = queries._buffers, values._buffers
    numbers = [item[name] for name in ("running_mean", "running_var") for item in (of_queries, of_values)]
    counts = [of_queries["num_batches_tracked"], of_values["num_batches_tracked"]]
    watched = torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack()
    if watched or type(kept) is not Tensor or not are_plain(numbers):
        _move_by_torch(norms, kept, numbers, counts)
        return
    loaded = library()
    assert loaded is not None
    moved = _MOVED.pack(
        *[number.data_ptr() for number in (*numbers, *counts)],
        *(queries.momentum, values.momentum, queries.num_features, values.num_features),
    )
    loaded.lambda_statistics(kept.data_ptr(), moved)
    torch.autograd.graph.increment_version([*numbers, *counts])


def _move_by_torch(norms: Sequence[Any], kept: Tensor, numbers: Sequence[Tensor], counts: Sequence[Tensor]) -> None:
    sizes = [norm.num_features for norm in norms]
    total = sum(sizes)
    *means, _, variance_q, variance_v, _ = kept.split_with_sizes([*sizes, total, *sizes, kept.shape[0] - 3 * total])
    tensors = [*means, variance_q, variance_v]
    with torch.no_grad():
        for side, item in enumerate(norms):
            _move(numbers[side::2], tensors[side::2], item.momentum)
        _count(counts, 1)


def _addresses(
    x: Tensor, projections: Sequence[Tensor], norms: Sequence[Tensor], bias: Tensor | None, embeddings: Tensor | None
) -> bytes:
    """As the library takes them; whoever asks keeps the tensors."""
    queries, *keys, values = projections
    return _ADDRESSES.pack(
        *(x.data_ptr(), queries.data_ptr(), keys[0].data_ptr() if keys else 0, values.data_ptr()),
        *([norm.data_ptr() for norm in norms] or _NO_NORMS),
        *(0 if bias is None else bias.data_ptr(), 0 if embeddings is None else embeddings.data_ptr()),
    )


def _as_they_are_read(
    x: Tensor,
    projections: Sequence[Tensor],
    norms: Sequence[Tensor],
    bias: Tensor | None,
    embeddings: Tensor | None,
) -> tuple[Any, ...]:
    """Their numbers as contiguous float32; the map channels first, or as it is. Raises ValueError for another depth."""
    refuse_other_depth(x, projections)
    added, table = (None if tensor is None else plain(tensor) for tensor in (bias, embeddings))
    maps = x.contiguous() if channels_first(x) else x
    return maps, [plain(projection) for projection in projections], [plain(norm) for norm in norms], added, table


def _pointers(pieces: Sequence[Tensor]) -> bytes:
    return struct.pack(f"{len(pieces)}P", *[piece.data_ptr() for piece in pieces])


def _layout(first: bool) -> torch.memory_format:
    return torch.contiguous_format if first else torch.channels_last


def _outputs(x: Tensor, plan: Plan, first: bool) -> tuple[Tensor, Tensor]:
    """Empty: (y, what is kept)."""
    y = torch.empty(plan.y, dtype=x.dtype, device=x.device, memory_format=_layout(first))
    return y, x.new_empty(plan.kept)


def _forward(  # noqa: PLR0917 (the operator's signature)
    x: Tensor,
    projections: Sequence[Tensor],
    norms: Sequence[Tensor],
    bias: Tensor | None,
    embeddings: Tensor | None,
    epsilons: Sequence[float],
    heads: int,
) -> tuple[Tensor, Tensor, Tensor]:
    given = _as_they_are_read(x, projections, norms, bias, embeddings)
    y, (room,), kept = _there(given, epsilons, _plan(_shapes(*given), heads), len(x))
    return y, room, kept


def _there(
    given: tuple[Any, ...], epsilons: Sequence[float], planned_for: tuple[Plan, bytes], each: int
) -> tuple[Tensor, list[Tensor], Tensor]:
    """y, projections in pieces of so many images, and what is kept, of numbers that can be read as they are."""
    loaded = library()
    assert loaded is not None
    x, (plan, sizes) = given[0], planned_for
    first = channels_first(x)
    b, of_image = len(x), (plan.room - ROOM) // len(x)
    y, kept = _outputs(x, plan, first)
    rooms = [x.new_empty(min(each, b - image) * of_image + ROOM) for image in range(0, b, each)]
    loaded.lambda_layer_train(
        *(_addresses(*given), _EPSILONS.pack(*(epsilons or _NO_EPSILONS))),
        *(y.data_ptr(), _pointers(rooms), kept.data_ptr(), sizes, x.shape[1], first, torch.get_num_threads(), each),
    )
    return y, rooms, kept


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
    projections: Sequence[Tensor],
    norms: Sequence[Tensor],
    bias: Tensor | None,
    embeddings: Tensor | None,
    heads: int,
) -> tuple[Tensor, Tensor]:
    given = _as_they_are_read(x, projections, norms, bias, embeddings)
    return _back(d_y, [room], kept, of_input, given, _plan(_shapes(*given), heads), len(x))


def _back(  # noqa: PLR0917 (as the operator has them)
    d_y: Tensor,
    rooms: Sequence[Tensor],
    kept: Tensor,
    of_input: bool,
    given: tuple[Any, ...],
    planned_for: tuple[Plan, bytes],
    each: int,
) -> tuple[Tensor, Tensor]:
    """Gradients of the input and of all parameters, of numbers that can be read as they are."""
    loaded = library()
    assert loaded is not None
    x, (plan, sizes) = given[0], planned_for
    first = channels_first(x)
    d_x, gradients = _gradients(x, plan, of_input, first)
    d_y = d_y.contiguous(memory_format=_layout(first))
    loaded.lambda_layer_back(
        *(_addresses(*given), _pointers(rooms), kept.data_ptr(), d_y.data_ptr(), d_x.data_ptr() or None),
        *(gradients.data_ptr(), sizes, x.shape[1], first, torch.get_num_threads(), each),
    )
    return d_x, gradients


class _Seen(torch.autograd.Function):
    """The two operators as one that has gradients; a fraction of what gradients registered with the operator itself cost a call."""

    @staticmethod
    def forward(ctx: Any, settings: tuple[int, Sequence[Any], int], *tensors: Any) -> tuple[Tensor, Tensor]:
        """y and what is kept: an operator changes no statistics."""
        count, norms, heads = settings
        x, bias, embeddings, *weights = tensors
        epsilons = [norm.eps for norm in norms]
        y, room, kept = _TRAIN(x, weights[:count], weights[count:], bias, embeddings, epsilons, heads)
        ctx.save_for_backward(room, kept, *tensors)
        ctx.settings = (count, heads)
        ctx.mark_non_differentiable(kept)
        ctx.set_materialize_grads(False)
        return y, kept

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_y: Tensor | None, *_: None) -> tuple[Any, ...]:
        if d_y is None:
            return (None,) * len(ctx.needs_input_grad)
        room, kept, x, bias, embeddings, *weights = ctx.saved_tensors
        count, heads = ctx.settings
        of_input = ctx.needs_input_grad[1]
        given = (x, weights[:count], weights[count:], bias, embeddings)
        return _shared(_BACK(d_y, room, kept, of_input, *given, heads), of_input, bias, embeddings, weights, _apart)


class _Unseen(torch.autograd.Function):
    """The same without torch, whose way to the operators takes as long as a small map, where nobody can see them. Parameters stay
    with the call: to save them, as others' hooks may want of activations, takes longer than to look at their versions."""

    @staticmethod
    def forward(ctx: Any, settings: tuple[int, Sequence[Any], int, bool], *tensors: Any) -> Tensor:
        count, norms, heads, has_way_back = settings
        x, *parameters = tensors
        bias, embeddings, *weights = parameters
        given = (x, weights[:count], weights[count:], bias, embeddings)
        planned_for = _plan(_shapes(*given), heads)
        y, rooms, kept = _there(given, [norm.eps for norm in norms], planned_for, planned_for[0].each)
        if norms:
            _move_on(norms, kept)
        if has_way_back:  # what was made in inference mode has none, and no version
            ctx.save_for_backward(x, kept, *rooms)
            ctx.settings = (count, heads, planned_for, parameters, _versions(parameters))
        return y

    @staticmethod
    def backward(ctx: Any, d_y: Tensor) -> tuple[Any, ...]:
        return (_back_once if torch.is_grad_enabled() else _back_unseen)(ctx, d_y)


def _versions(parameters: Sequence[Tensor | None]) -> list[int]:
    return [parameter._version for parameter in parameters if parameter is not None]


def _back_unseen(ctx: Any, d_y: Tensor) -> tuple[Any, ...]:
    x, kept, *rooms = ctx.saved_tensors
    count, heads, planned_for, parameters, versions = ctx.settings
    if _versions(parameters) != versions:
        raise RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace operation: a parameter of a "
            "lambda layer, between its forward pass and its backward pass"
        )
    if _is_batched(d_y):
        raise RuntimeError(
            "a lambda layer in training takes one gradient at a time through the compiled kernel: "
            "for is_grads_batched create it with kernel='conv2d'"
        )
    bias, embeddings, *weights = parameters
    of_input = ctx.needs_input_grad[1]
    given = (x, weights[:count], weights[count:], bias, embeddings)
    if is_seen(d_y):
        room = torch.cat([*[room[:-ROOM] for room in rooms], rooms[-1][-ROOM:]])
        return _shared(_BACK(d_y, room, kept, of_input, *given, heads), of_input, bias, embeddings, weights, _apart)
    return _shared(
        _back(d_y, rooms, kept, of_input, given, planned_for, planned_for[0].each),
        of_input,
        bias,
        embeddings,
        weights,
        _apart_unseen,
    )


_back_once = once_differentiable(_back_unseen)


def _shared(  # noqa: PLR0917 (all that a call has)
    tensors: tuple[Tensor, Tensor],
    of_input: bool,
    bias: Tensor | None,
    embeddings: Tensor | None,
    weights: Sequence[Tensor],
    apart: Any,
) -> tuple[Any, ...]:
    """Gradients to whom they belong, as autograd's functions return them."""
    d_x, gradients = tensors
    each = list(apart(gradients, [*weights, *[tensor for tensor in (bias, embeddings) if tensor is not None]]))
    d_embeddings = None if embeddings is None else each.pop()
    d_bias = None if bias is None else each.pop()
    return None, d_x if of_input else None, d_bias, d_embeddings, *each


_apart = torch.ops.aten.unflatten_dense_tensors.default
_apart_unseen = torch._C._nn.unflatten_dense_tensors  # pyright: ignore[reportAttributeAccessIssue]
_is_batched = torch._C._functorch.is_legacy_batchedtensor  # pyright: ignore[reportAttributeAccessIssue]
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
    x, *_, heads = arguments
    plan = planned(*_shapes(*arguments[:5]), heads)
    y, kept = _outputs(x, plan, channels_first(x))
    return y, x.new_empty(plan.room), kept


@torch.library.register_fake(f"{ROOT}::lambda_layer_train_backward", lib=_LIBRARY)
def _fake_backward(d_y: Tensor, room: Tensor, kept: Tensor, of_input: bool, *arguments: Any) -> tuple[Tensor, Tensor]:
    x, *_, heads = arguments
    return _gradients(x, planned(*_shapes(*arguments[:5]), heads), of_input, channels_first(x))


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
    channels, heads = sum(projection[0] for projection in projections), others[-1]  # tensors are shapes here
    return 2 * layer_macs(x, channels, embeddings, heads, projections[0][0] // heads, content=len(projections) == 3)


@register_flop_formula(_OPERATORS.lambda_layer_train_backward)
def _backward_flops(d_y: Any, room: Any, kept: Any, of_input: bool, *arguments: Any, **_: Any) -> int:
    """Each product has two gradients."""
    b, d, height, width = arguments[0]
    unneeded = 0 if of_input else b * height * width * d * sum(argument[0] for argument in arguments[1])
    return 2 * (_flops(*arguments) - unneeded)
