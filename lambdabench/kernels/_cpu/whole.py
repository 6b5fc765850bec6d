"""What the operators that run a whole layer from its input have in common: whether they may, layouts, addresses, operations."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import profiler
from torch.utils.hooks import RemovableHandle

from ...core.lambdas import applied_macs
from .._operator import in_transform


class Watch:
    """Whether a layer's parts do what their weights say and no more, looked into again only where that may have changed.

    Looking takes as long as a small map. What must change for it: a part, its class, an attribute more or less, a new hook anywhere.
    """

    __slots__ = ("_plain", "_told")

    def __init__(self) -> None:
        self._plain, self._told = False, ()

    def __reduce__(self) -> tuple[type["Watch"], tuple[()]]:
        return Watch, ()

    def finds_plain(self, projections: Sequence[Any], norms: Sequence[Any]) -> bool:
        parts = (*projections, *norms)
        told = (RemovableHandle.next_id, parts, [*map(type, parts)], [*map(len, map(vars, parts))])
        if not self._plain or told != self._told:
            self._plain, self._told = _are_plain(projections, norms), told
        return self._plain


def may_run(x: Tensor, training: bool, projections: Sequence[Any], norms: Sequence[Any], watch: Watch) -> bool:
    """Whether a layer of these parts may be run whole: in inference without gradients, in training in float32; its batch norms do as
    the layer does, and nobody looks inside."""
    if not x.is_cpu or torch.is_autocast_enabled("cpu") or in_transform():
        return False
    if not (_are_plain if torch.compiler.is_compiling() else watch.finds_plain)(projections, norms):
        return False
    if x.dim() != 4 or 0 in x.shape:
        return False
    depth = x.shape[1]
    for one in projections:
        own = one._parameters
        if own["bias"] is not None or own["weight"].shape[1] != depth:
            return False
    for one in norms:
        if one.training is not training or one._buffers["running_mean"] is None:
            return False
    if not training:
        return not torch.is_grad_enabled() and x.dtype in (torch.float32, torch.bfloat16, torch.float16)
    for one in norms:
        if one.momentum is None:
            return False
    for one in (*projections, *norms):
        if one._parameters["weight"].dtype is not torch.float32:
            return False
    return x.dtype is torch.float32 and x.numel() > (depth if norms else 0)


def _are_plain(projections: Sequence[Any], norms: Sequence[Any]) -> bool:
    """No hooks and nothing replaced; convolutions of one position, batch norms with weights."""
    if any(type(one) is not nn.Conv2d or _changed(one) or _shape(one) != _OF_ONE for one in projections):
        return False
    return all(type(one) is nn.BatchNorm2d and one.affine and not _changed(one) for one in norms)


def is_seen(x: Tensor) -> bool:
    """Whether somebody wants to see operators: a compiler, a tracer, a profiler, a mode, a transform, a subclass of tensors."""
    return bool(
        type(x) is not Tensor
        or torch.compiler.is_compiling()
        or profiler._is_profiler_enabled
        or torch._C._len_torch_dispatch_stack()
        or torch._C._len_torch_function_stack()
        or torch._C._get_tracing_state() is not None
        or in_transform()
    )


def is_dense(x: Tensor) -> bool:
    """Whether a map of float32 can be read as it is, channels first or last."""
    return x.dtype is torch.float32 and (x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last))


def are_plain(tensors: Iterable[Tensor | None]) -> bool:
    """Whether their numbers can be read as they are: contiguous float32 on the CPU, and no subclass."""
    for one in tensors:
        if one is None:
            continue
        if type(one) not in _KINDS or not (one.is_cpu and one.dtype is torch.float32 and one.is_contiguous()):
            return False
    return True


_KINDS = (nn.Parameter, Tensor)
_OF_ONE = ((1, 1), (1, 1), (0, 0), 1)


def _shape(one: nn.Conv2d) -> tuple[Any, ...]:
    return one.kernel_size, one.stride, one.padding, one.groups


def refuse_other_depth(x: Tensor, projections: Sequence[Tensor]) -> None:
    """What is read by address must be there. Raises ValueError."""
    if x.dim() != 4 or any(one.shape[1] != x.shape[1] for one in projections):
        raise ValueError(
            f"found an input of shape {tuple(x.shape)}, expected [batch, {projections[0].shape[1]}, height, width]"
        )


def _changed(one: nn.Module) -> bool:
    """By hooks, or by a forward of its own."""
    hooks = one._forward_hooks or one._forward_pre_hooks or one._backward_hooks or one._backward_pre_hooks
    return bool(hooks) or "forward" in vars(one)


def channels_first(x: Tensor) -> bool:
    """As memory has it; what is both is channels first."""
    return x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last)


def plain(one: Tensor) -> Tensor:
    """Its numbers as contiguous float32."""
    is_so = one.dtype is torch.float32 and one.is_contiguous()
    return one if is_so else one.detach().float().contiguous()


def layer_macs(
    x: Sequence[int], channels: int, embeddings: Sequence[int] | None, heads: int, key_depth: int, *, content: bool
) -> int:
    """Multiply-accumulates as the portable kernel's, so that a network has one count whatever runs."""
    b, d, height, width = x
    v = channels - heads * key_depth - key_depth * content
    scope = None if embeddings is None else embeddings[2:]
    applied = applied_macs((b, heads, key_depth, height, width), (b, v, 1, height, width), content=content, scope=scope)
    lambdas = b * height * width * key_depth * v if content else 0
    return b * height * width * d * channels + lambdas + applied
