"""A whole layer in training: batch norm by the batch's statistics, softmax, lambdas and all their gradients in one operator.

Between it and the input there is one matrix product for all projections. What is kept for the way back is the projections,
statistics and content lambdas; position lambdas are never made. Torch operators of the package's own namespace.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.flop_counter import register_flop_formula

from ...core.registry import ROOT
from .build import library
from .whole import ROOM, Numbers, address, addresses, as_map, channels_first, counts, layer_macs, plain

_OPERATORS = getattr(torch.ops, ROOT)
TENSORS = 8
_TENSORS = "Tensor x, Tensor weight, Tensor? weight_q, Tensor? bias_q, Tensor? weight_v, Tensor? bias_v, Tensor? bias, Tensor? embeddings"
_SETTINGS = "float epsilon_q, float epsilon_v, int heads, int key_depth, bool content"


@dataclass(frozen=True)
class _Given:
    """An operator's arguments, as the schema has them: all projections' weight, what batch norms have, a bias of content lambdas."""

    x: Any
    weight: Any
    norms: tuple[Any, ...]
    bias: Any
    embeddings: Any
    epsilons: tuple[float, float]
    heads: int
    key_depth: int
    content: bool

    @classmethod
    def of(cls, *given: Any) -> "_Given":
        x, weight, *norms, bias, embeddings, epsilon_q, epsilon_v, heads, key_depth, content = given
        present = tuple(one for one in norms if one is not None)
        return cls(x, weight, present, bias, embeddings, (epsilon_q, epsilon_v), heads, key_depth, content)

    @property
    def value_depth(self) -> int:
        return len(self.weight) - self.heads * self.key_depth - self.key_depth * self.content

    @property
    def first(self) -> bool:
        return channels_first(self.x)

    def rows(self) -> Tensor:
        """The input as [b, positions, d], a view."""
        return self.x.flatten(2).transpose(1, 2) if self.first else self.x.permute(0, 2, 3, 1).flatten(1, 2)

    def sizes(self) -> Numbers:
        b, _, height, width = self.x.shape
        return counts(b, (height, width), self.heads, self.key_depth, self.value_depth, self.embeddings)

    def outputs(self) -> tuple[Tensor, Tensor, Tensor]:
        """Empty: (y, projections [b * n * channels] with room behind, what is kept)."""
        x, v = self.x, self.value_depth
        b, _, height, width = x.shape
        n, out = height * width, self.heads * v
        y = as_map(x.new_empty((b, out, n) if self.first else (b, n, out)), self.first, height, width)
        of_norms = 3 * (self.heads * self.key_depth + v) if self.norms else 0
        of_images = b * self.key_depth * (2 + v) if self.content else 0
        return y, x.new_empty(b * n * len(self.weight) + ROOM), x.new_empty(of_norms + of_images)

    def gradients(self, of_input: bool) -> tuple[Tensor, ...]:
        """Empty: of input, weight, norms [weight of queries and of values, bias of both], bias and embeddings."""
        layout = torch.contiguous_format if self.first else torch.channels_last
        nothing = self.x.new_empty
        return (
            torch.empty_like(self.x, memory_format=layout) if of_input else nothing(0),
            torch.empty_like(self.weight, memory_format=torch.contiguous_format),
            nothing(sum(len(one) for one in self.norms)),
            nothing(0 if self.bias is None else len(self.bias)),
            nothing(0 if self.embeddings is None else self.embeddings.shape),
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
    weight = torch.cat([one.flatten(1) for one in projections])
    weights = [part for one in norms for part in (one.weight, one.bias)] or [None] * 4
    epsilons = [one.eps for one in norms] or [0.0] * 2
    key_depth = len(projections[0]) // heads
    y, kept = _Layer.apply(x, weight, *weights, bias, embeddings, *epsilons, heads, key_depth, len(projections) == 3)
    if norms:
        _move_on(norms, kept)
    return y


def _move_on(norms: Sequence[Any], kept: Tensor) -> None:
    """Running statistics, as batch norm moves them."""
    sizes = [one.num_features for one in norms]
    means, _, variances = kept[: 3 * sum(sizes)].view(3, -1)
    with torch.no_grad():
        for one, mean, variance in zip(norms, means.split(sizes), variances.split(sizes), strict=True):
            one.running_mean.lerp_(mean, one.momentum)
            one.running_var.lerp_(variance, one.momentum)
            one.num_batches_tracked.add_(1)


def _forward(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    given = _Given.of(*arguments)
    loaded = library()
    assert loaded is not None
    y, room, kept = given.outputs()
    rows, right = given.rows(), given.weight.t()
    projected = room[:-ROOM].view(*rows.shape[:2], len(given.weight))
    if given.first:
        torch.bmm(rows, right.expand(len(rows), *right.shape), out=projected)
    else:
        torch.mm(rows.flatten(0, 1), right, out=projected.flatten(0, 1))
    norms = [plain(one) for one in given.norms]
    bias, table = (None if one is None else plain(one) for one in (given.bias, given.embeddings))
    of_norms, small, sizes = addresses(*norms), Numbers("d", given.epsilons), given.sizes()
    loaded.lambda_layer_train(
        *(
            room.data_ptr(),
            of_norms.pointer,
            small.pointer,
            address(bias),
            address(table),
            y.data_ptr(),
            kept.data_ptr(),
        ),
        *(sizes.pointer, given.content, given.first, torch.get_num_threads()),
    )
    return y, room, kept


def _backward(d_y: Tensor, room: Tensor, kept: Tensor, of_input: bool, *arguments: Any) -> tuple[Tensor, ...]:
    given = _Given.of(*arguments)
    loaded = library()
    assert loaded is not None
    found = given.gradients(of_input)
    d_x, d_weight, d_norms, d_bias, d_embeddings = found
    d_y = d_y.contiguous(memory_format=torch.contiguous_format if given.first else torch.channels_last)
    norms = [plain(one) for one in given.norms]
    bias, table = (None if one is None else plain(one) for one in (given.bias, given.embeddings))
    rows, weight = given.rows(), given.weight
    d_projected = rows.new_empty(*rows.shape[:2], len(weight))
    of_norms, sizes = addresses(*norms), given.sizes()
    loaded.lambda_layer_back(
        *(room.data_ptr(), of_norms.pointer, address(bias), address(table), kept.data_ptr(), d_y.data_ptr()),
        *(d_projected.data_ptr(), d_norms.data_ptr(), d_bias.data_ptr(), d_embeddings.data_ptr()),
        *(sizes.pointer, given.content, given.first, torch.get_num_threads()),
    )
    if not given.first:
        flat = d_projected.flatten(0, 1)
        torch.mm(flat.t(), rows.flatten(0, 1), out=d_weight)
        if of_input:
            torch.mm(flat, weight, out=d_x.permute(0, 2, 3, 1).flatten(0, 2))
        return found
    if of_input:
        left = weight.t()
        torch.bmm(left.expand(len(rows), *left.shape), d_projected.transpose(1, 2), out=d_x.flatten(2))
    for i, (one, row) in enumerate(zip(d_projected, rows, strict=True)):
        torch.addmm(d_weight, one.t(), row, beta=0 if i == 0 else 1, out=d_weight)
    return found


class _Layer(torch.autograd.Function):
    """The two operators as one that has gradients; a fraction of what gradients registered with the operator itself cost a call."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> tuple[Tensor, Tensor]:
        y, room, kept = _OPERATORS.lambda_layer_train(*arguments)
        ctx.save_for_backward(room, kept, *arguments[:TENSORS])
        ctx.settings = arguments[TENSORS:]
        ctx.mark_non_differentiable(kept)
        ctx.set_materialize_grads(False)
        return y, kept

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_y: Tensor | None, _: None) -> tuple[Any, ...]:
        if d_y is None:
            return (None,) * len(ctx.needs_input_grad)
        room, kept, *tensors = ctx.saved_tensors
        of_input = ctx.needs_input_grad[0]
        d_x, d_weight, d_norms, d_bias, d_embeddings = _OPERATORS.lambda_layer_train_backward(
            d_y, room, kept, of_input, *tensors, *ctx.settings
        )
        of_norms = [None] * 4
        weight_q, _, weight_v, _, bias, embeddings = tensors[2:]
        if weight_q is not None:
            q, v = len(weight_q), len(weight_v)
            d_weight_q, d_weight_v, d_bias_q, d_bias_v = d_norms.split((q, v, q, v))
            of_norms = [d_weight_q, d_bias_q, d_weight_v, d_bias_v]
        return (
            *(d_x if of_input else None, d_weight, *of_norms),
            *(None if bias is None else d_bias, None if embeddings is None else d_embeddings),
            *([None] * len(ctx.settings)),
        )


_LIBRARY = torch.library.Library(ROOT, "FRAGMENT")
_LIBRARY.define(f"lambda_layer_train({_TENSORS}, {_SETTINGS}) -> (Tensor, Tensor, Tensor)")
_LIBRARY.define(
    f"lambda_layer_train_backward(Tensor d_y, Tensor room, Tensor kept, bool of_input, {_TENSORS}, {_SETTINGS}) "
    "-> (Tensor, Tensor, Tensor, Tensor, Tensor)"
)
_LIBRARY.impl("lambda_layer_train", _forward, "CPU")
_LIBRARY.impl("lambda_layer_train_backward", _backward, "CPU")


@torch.library.register_fake(f"{ROOT}::lambda_layer_train", lib=_LIBRARY)
def _fake_forward(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    return _Given.of(*arguments).outputs()


@torch.library.register_fake(f"{ROOT}::lambda_layer_train_backward", lib=_LIBRARY)
def _fake_backward(d_y: Tensor, room: Tensor, kept: Tensor, of_input: bool, *arguments: Any) -> tuple[Tensor, ...]:
    return _Given.of(*arguments).gradients(of_input)


@register_flop_formula(_OPERATORS.lambda_layer_train)
def _flops(*arguments: Any, **_: Any) -> int:
    given = _Given.of(*arguments)  # tensors are shapes here
    return 2 * layer_macs(
        given.x, given.weight[0], given.embeddings, given.heads, given.key_depth, content=given.content
    )


@register_flop_formula(_OPERATORS.lambda_layer_train_backward)
def _backward_flops(d_y: Any, room: Any, kept: Any, of_input: bool, *arguments: Any, **_: Any) -> int:
    """Each product has two gradients."""
    b, d, height, width = arguments[0]
    unneeded = 0 if of_input else b * height * width * d * arguments[1][0]
    return 2 * (_flops(*arguments) - unneeded)
