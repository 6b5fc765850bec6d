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
        text = (RemovableHandle.next_id, parts, [*map(type, parts)], [*map(len, map(vars, parts))])
        if not self._plain or text != self._told:
            self._plain, self._told = _are_plain(projections, norms), text
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
    for norm in projections:
        own = norm._parameters
        if own["bias"] is not None or own["weight"].shape[1] != depth:
            return False
    for norm in norms:
        if norm.training is not training or norm._buffers["running_mean"] is None:
            return False
    if not training:
        return not torch.is_grad_enabled() and x.dtype in (torch.float32, torch.bfloat16, torch.float16)
    for norm in norms:
        if norm.momentum is None:
            return False
    for norm in (*projections, *norms):
        if norm._parameters["weight"].dtype is not torch.float32:
            return False
    return x.dtype is torch.float32 and x.numel() > (depth if norms else 0)


def _are_plain(projections: Sequence[Any], norms: Sequence[Any]) -> bool:
    """No hooks and nothing replaced; convolutions of one position, batch norms with weights."""
    if any(
        type(projection) is not nn.Conv2d or _changed(projection) or _shape(projection) != _OF_ONE
        for projection in projections
    ):
        return False
    return all(type(norm) is nn.BatchNorm2d and norm.affine and not _changed(norm) for norm in norms)


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
    for tensor in tensors:
        if tensor is None:
            continue
        if type(tensor) not in _KINDS or not (
            tensor.is_cpu and tensor.dtype is torch.float32 and tensor.is_contiguous()
        ):
            return False
    return True


_KINDS = (nn.Parameter, Tensor)
_OF_ONE = ((1, 1), (1, 1), (0, 0), 1)


def _shape(conv2d: nn.Conv2d) -> tuple[Any, ...]:
    return conv2d.kernel_size, conv2d.stride, conv2d.padding, conv2d.groups


def refuse_other_depth(x: Tensor, projections: Sequence[Tensor]) -> None:
    """What is read by address must be there. Raises ValueError."""
    if x.dim() != 4 or any(projection.shape[1] != x.shape[1] for projection in projections):
        raise ValueError(
            f"found an input of shape {tuple(x.shape)}, expected [batch, {projections[0].shape[1]}, height, width]"
        )


def _changed(module: nn.Module) -> bool:
    """By hooks, or by a forward of its own."""
    hooks = module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
    return bool(hooks) or "forward" in vars(module)


def channels_first(x: Tensor) -> bool:
    """As memory has it; what is both is channels first."""
    return x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last)


def plain(tensor: Tensor) -> Tensor:
    """Its numbers as contiguous float32."""
    is_so = tensor.dtype is torch.float32 and tensor.is_contiguous()
    return tensor if is_so else tensor.detach().float().contiguous()


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
