"""What the torch operators that apply lambdas have in common: gradients by a second operator, and one count of operations."""

from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from ..core.lambdas import applied_macs
from ..core.registry import ROOT


def in_transform() -> bool:
    """Whether a transform of torch.func (vmap, grad) is at work, which looks through operators that it has rules for alone."""
    active = torch._C._functorch.peek_interpreter_stack  # pyright: ignore[reportAttributeAccessIssue]
    return not torch.compiler.is_compiling() and active() is not None


def register(name: str, apply: Any, gradients: Any) -> None:
    """Gives the custom operator `name` its gradients, which the operator `name`_backward makes, and both their FLOP.

    They take queries [b, h, k, height, width], values [b, v, u, height_m, width_m], content and embeddings or None; the second one
    the output's gradient before them. FLOP are the portable kernel's, so that a network has one count whatever runs.
    """

    def setup(ctx: Any, inputs: tuple[Tensor | None, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        item = gradients(gradient, *saved)
        return tuple(None if given is None else entry for given, entry in zip(saved, item, strict=True))

    apply.register_autograd(backward, setup_context=setup)
    space = getattr(torch.ops, ROOT)
    register_flop_formula(getattr(space, name))(_flops)
    register_flop_formula(getattr(space, f"{name}_backward"))(_backward_flops)


def _flops(queries: tuple[int, ...], values: tuple[int, ...], content: Any, embeddings: Any, *_: Any, **__: Any) -> int:
    scope = None if embeddings is None else embeddings[2:]
    return 2 * applied_macs(queries, values, content=content is not None, scope=scope)


def _backward_flops(gradient: tuple[int, ...], *inputs: Any, **_: Any) -> int:
    """Each product has two gradients."""
    return 2 * _flops(*inputs)
