"""What the operators that run a whole layer from its input have in common: whether they may, layouts, addresses, operations."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...core.lambdas import applied_macs

ROOM = 16
"""Numbers that the library may read behind the last projection."""


def may_run(x: Tensor, training: bool, projections: Sequence[Any], norms: Sequence[Any]) -> bool:
    """Whether a layer of these parts may be run whole: in inference without gradients, in training in float32; its batch norms do as
    the layer does, and nobody looks inside."""
    if x.device.type != "cpu" or torch.is_autocast_enabled("cpu") or not _are_plain(projections, norms):
        return False
    if norms and not all(one.training is training for one in norms):
        return False
    if not training:
        return not torch.is_grad_enabled() and x.dtype in (torch.float32, torch.bfloat16, torch.float16)
    if norms and not all(one.momentum is not None for one in norms):
        return False
    alone = x.dtype is torch.float32 and all(one.weight.dtype is torch.float32 for one in (*projections, *norms))
    return alone and x.numel() > (x.shape[1] if len(norms) else 0)


def _are_plain(projections: Sequence[Any], norms: Sequence[Any]) -> bool:
    """Whether they do what their weights say and no more: no hooks, no biases, batch norms with running statistics.

    Looks into the modules' own dictionaries: asking a module for a parameter takes ten times as long, and small maps feel it.
    """
    for one in projections:
        if type(one) is not nn.Conv2d or one._parameters["bias"] is not None or _hooked(one):
            return False
    for one in norms:
        if type(one) is not nn.BatchNorm2d or not one.affine or one._buffers["running_mean"] is None or _hooked(one):
            return False
    return True


def _hooked(one: nn.Module) -> bool:
    return bool(one._forward_hooks or one._forward_pre_hooks or one._backward_hooks or one._backward_pre_hooks)


def channels_first(x: Tensor) -> bool:
    """As memory has it; what is both is channels first."""
    return x.is_contiguous() or not x.is_contiguous(memory_format=torch.channels_last)


def as_map(y: Tensor, first: bool, height: int, width: int) -> Tensor:
    """[b, channels, positions], or [b, positions, channels], as [b, channels, height, width]."""
    return y.unflatten(2, (height, width)) if first else y.unflatten(1, (height, width)).permute(0, 3, 1, 2)


def plain(one: Tensor) -> Tensor:
    """Its numbers as contiguous float32."""
    is_so = one.dtype is torch.float32 and one.is_contiguous()
    return one if is_so else one.detach().float().contiguous()


def address(one: Tensor | None) -> int | None:
    """Of its first number; whoever asks keeps the tensor."""
    return None if one is None else one.data_ptr()


class Numbers:
    """A C array of 64-bit integers ("q"), addresses ("Q") or doubles ("d"), which lives as long as this does."""

    __slots__ = ("_array", "pointer")

    def __init__(self, kind: str, numbers: Iterable[float]) -> None:
        self._array = array(kind, numbers)
        self.pointer = self._array.buffer_info()[0] if self._array else None


def addresses(*many: Tensor | None) -> Numbers:
    """Of tensors; absent ones are null."""
    return Numbers("Q", [0 if one is None else one.data_ptr() for one in many])


def counts(  # noqa: PLR0917 (as the library takes them)
    b: int, size: Sequence[int], heads: int, key_depth: int, v: int, table: Tensor | None
) -> Numbers:
    """The sizes as the library takes them."""
    scope = (1, 1) if table is None else table.shape[2:]
    return Numbers("q", (b, *size, *size, heads, key_depth, 1, v, *scope))


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
