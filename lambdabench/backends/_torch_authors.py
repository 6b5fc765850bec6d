"""What a network's author has done to it before we got it: compiled, scripted, quantised, cast. Told in the row."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from ..core.errors import UnsupportedError

QUANTISED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torchao", "bitsandbytes")
"""Where classes of modules come from whose weights are packed integers."""
DTYPE_SIGNS = ("dtype", "should be the same", "expected scalar type")
"""What torch's refusals of two precisions in one operation have in common."""


def told(network: nn.Module) -> list[str]:
    """What to say of a network as its author made it; empty for one of torch's plain modules."""
    modules = list(network.modules())
    scripted = sum(isinstance(module, torch.jit.ScriptModule) for module in modules)
    texts = ["TorchScript" if isinstance(network, torch.jit.ScriptModule) else "TorchScript inside"] if scripted else []
    texts += ["compiled by its author"] if is_compiled(network) else []
    packed = [module for module in modules if _is_quantised(module)]
    if packed:
        names = sorted({type(module).__name__ for module in packed})
        widths = sorted(
            {
                str(packed_weight.dtype).removeprefix("torch.")
                for packed_weight in packed_weights(network)
                if packed_weight.is_quantized
            }
        )
        texts += [f"quantised: {len(packed)} {', '.join(names)}{' in ' + ', '.join(widths) if widths else ''}"]
    return texts


def is_compiled(network: nn.Module) -> bool:
    """Whether the author has called torch.compile on it, or on a part."""
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in network.modules()
    )


def packed_weights(network: nn.Module) -> Iterator[Any]:
    """Weights and biases of quantised modules, which are no parameters."""
    for module in network.modules():
        if _is_quantised(module):
            for name in ("weight", "bias"):
                read = getattr(module, name, None)
                made = read() if callable(read) else None
                if isinstance(made, torch.Tensor):
                    yield made


def float_dtypes(network: nn.Module) -> set[torch.dtype]:
    """Of its parameters and buffers."""
    return {
        parameter.dtype for parameter in (*network.parameters(), *network.buffers()) if parameter.is_floating_point()
    }


def is_left(network: nn.Module) -> bool:
    """Whether it is to stay as it is where float32, which is what a case has when nobody asks, would break it: some of it is in
    another precision on purpose. All of it in float64 is what NumPy made of it."""
    return float_dtypes(network) not in (set(), {torch.float32}, {torch.float64})


def explaining(work: Callable[..., Any], network: nn.Module) -> Callable[..., Any]:
    """The same call; one that refuses float32 inputs, since the network is in another precision, says what to ask."""
    names = sorted(str(float_dtype).removeprefix("torch.") for float_dtype in float_dtypes(network))

    def called(*arguments: Any, **keywords: Any) -> Any:
        try:
            return work(*arguments, **keywords)
        except RuntimeError as error:
            if not any(sign in str(error) for sign in DTYPE_SIGNS):
                raise
            halves = [name for name in names if name in ("float16", "bfloat16")]
            ask = f"use --dtype {halves[0]}, or " if halves else ""
            raise UnsupportedError(
                f"the network is in {', '.join(names)} and takes no float32 inputs "
                f"({(str(error).splitlines() or [''])[0]}); {ask}cast what forward is given"
            ) from error

    return called


def _is_quantised(module: nn.Module) -> bool:
    """Those that hold weights; their containers of packed ones are not counted again."""
    return type(module).__module__.startswith(QUANTISED) and callable(getattr(module, "weight", None))
