"""Batch norms folded into the convolutions before them, for inference: one product with other weights, and one pass over the map less.

Who comes before whom is read off a module's own forward, traced with everything inside it left whole: a pair is folded where
nothing else calls, reads or watches either of the two. What cannot be traced stays as it is.
"""

import copy
import inspect
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..core.errors import NetworkError

CONVOLUTIONS = {"torch.nn.modules.conv.Conv2d", "timm.layers.conv2d_same.Conv2dSame"}
"""Those that are linear in their weight: timm's other kinds make theirs anew in every call."""
NORMS = {"torch.nn.modules.batchnorm.BatchNorm2d", "timm.layers.norm_act.BatchNormAct2d"}


class Folded(nn.Module):
    """In the place of a batch norm that a convolution has taken in: what followed the norm inside it, and no training."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        after = [child for child in norm.children() if not isinstance(child, nn.Identity)]  # of timm's: drop, act
        self.after = after[0] if len(after) == 1 else nn.Sequential(*after)
        self.eval()

    def train(self, mode: bool = True) -> "Folded":
        """Raises NetworkError but for inference."""
        if mode:
            raise NetworkError("a network with folded batch norms is for inference; train it first, or fold a copy")
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """The map as the norm would have left it."""
        return self.after(x)


class _Pair(NamedTuple):
    convolution: str
    norm: str


def fold(model: nn.Module) -> nn.Module:
    """The model with every batch norm that directly follows a convolution folded into it, for inference: equal answers, fewer passes.

    In place. Raises NetworkError for what is no model of torch, for one that trains, and where there is nothing to fold.
    """
    if not isinstance(model, nn.Module):
        item = f"{type(model).__module__}.{type(model).__qualname__}"
        raise NetworkError(f"fold is torch only: found {item}, expected a torch.nn.Module")
    if any(module.training for module in model.modules()):
        raise NetworkError(f"{type(model).__name__} trains; call eval() first: batch norms fold in inference only")
    pairs = _pairs(model)
    if not pairs:
        raise NetworkError(f"{type(model).__name__} has no batch norm that directly follows a convolution")
    for convolution, norm in pairs:
        item: Any = [model.get_submodule(name) for name in (convolution, norm)]
        model.set_submodule(convolution, fuse_conv_bn_eval(*item))
        model.set_submodule(norm, Folded(item[1]))
    return model


def told(model: nn.Module) -> str:
    """How many are folded, "36 of 53 batch norms"; empty where none is."""
    folded = sum(isinstance(module, Folded) for module in model.modules())
    left = sum(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules())
    return f"{folded} of {folded + left} batch norms" if folded else ""


def _pairs(model: nn.Module) -> list[_Pair]:
    """Names of convolutions and norms that meet each other and nobody else, wherever they are called."""
    names = list(model.named_modules(remove_duplicate=False))
    places = Counter(id(module) for _, module in names)
    lone = {name: _kind(module) for name, module in names if places[id(module)] == 1}
    follows: dict[str, set[str | None]] = {}
    for place, module in names:
        inside = {_kind(item) for item in module.modules()}
        if {"convolution", "norm"} <= inside and (graph := _traced(module)) is not None:
            for name, other in _uses(graph, place, lone):
                follows.setdefault(name, set()).add(other)
    agreed = {name: next(iter(others)) for name, others in follows.items() if len(others) == 1}
    return [
        _Pair(name, norm)
        for name, norm in agreed.items()
        if norm is not None and lone[name] == "convolution" and agreed.get(norm) == name
    ]


def _kind(module: nn.Module) -> str:
    """ "convolution" or "norm", of those that do what their weights say and that nobody watches; "" for all else."""
    name = f"{type(module).__module__}.{type(module).__qualname__}"
    if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks:
        return ""
    if name in NORMS:
        return "norm" if getattr(module, "running_mean", None) is not None else ""
    return "convolution" if name in CONVOLUTIONS else ""


class _Tracer(fx.Tracer):
    """Enters nothing but the root's own forward."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def _traced(module: nn.Module) -> fx.Graph | None:
    """What one forward does with the modules inside it; None where that depends on more than its structure."""
    try:
        given = inspect.signature(module.forward).parameters.values()
        if any(
            parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or parameter.default is not parameter.empty
            for parameter in given
        ):
            return None
        return _Tracer().trace(copy.copy(module))  # what a forward notes on itself goes with the copy
    except Exception:  # whatever a forward raises when it meets a stand-in for a tensor
        return None


def _uses(graph: fx.Graph, place: str, lone: dict[str, str]) -> Iterator[tuple[str, str | None]]:
    """(Convolution or norm, the other one of its pair; None for a use that is no pair's)."""
    prefix = f"{place}." if place else ""
    for node in graph.nodes:
        name = f"{prefix}{node.target}"
        if node.op == "get_attr":
            yield name.rpartition(".")[0], None
        elif node.op == "call_module" and lone.get(name):
            ahead = lone[name] == "convolution"
            other: Any = next(iter(node.users), None) if ahead else (node.args or (None,))[0]
            convolution, norm = (node, other) if ahead else (other, node)
            yield name, (f"{prefix}{other.target}" if _are_a_pair(convolution, norm, prefix, lone) else None)


def _are_a_pair(convolution: Any, norm: Any, prefix: str, lone: dict[str, str]) -> bool:
    """Whether one node is a convolution whose only use is the other, a norm of nothing else."""
    kinds = [
        getattr(item, "op", "") == "call_module" and lone.get(f"{prefix}{item.target}") for item in (convolution, norm)
    ]
    return (
        kinds == ["convolution", "norm"]
        and list(convolution.users) == [norm]
        and norm.args == (convolution,)
        and not norm.kwargs
    )
