"""torch's counter of floating-point operations, with what it lacks or counts otherwise than it runs."""

import math
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode


def counter() -> FlopCounterMode:
    """Counts what runs within it, 2 a multiply-accumulate."""
    quantised = {
        getattr(torch.ops.quantized, name): formula
        for formula, names in ((_linear, LINEAR), (_convolution, CONVOLUTIONS))
        for name in names
        if hasattr(torch.ops.quantized, name)
    }
    backward = {torch.ops.aten.convolution_backward: _convolution_backward}
    return FlopCounterMode(display=False, custom_mapping=backward | quantised)


LINEAR = ("linear", "linear_relu", "linear_dynamic", "linear_relu_dynamic", "linear_dynamic_fp16")
CONVOLUTIONS = ("conv2d", "conv2d_relu", "conv2d_dynamic")
"""Operators on packed integers, of which torch's counter knows none (2.15)."""


def _linear(read: Any, packed: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    return 2 * math.prod(read) * out_shape[-1]


def _convolution(read: Any, packed: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    weight, _bias = packed.unpack()
    return 2 * math.prod(out_shape) * math.prod(weight.shape[1:])


def _convolution_backward(written: Any, read: Any, weight: Any, *rest: Any, **_: Any) -> int:
    """FLOP of a convolution's gradients, each as many as its forward pass has. torch's own counter (2.11 to 2.15) counts the
    weight's gradient once for every group."""
    transposed, asked = rest[4], rest[7]
    forward = 2 * math.prod(read if transposed else written) * math.prod(weight[1:])
    return forward * sum(bool(item) for item in asked[:2])
