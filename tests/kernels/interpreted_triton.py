"""Run with TRITON_INTERPRET=1: the Triton kernel beside the paper's listing in float64, values and gradients."""

import sys
from typing import Any

import torch

from lambdabench.kernels import einsum
from lambdabench.kernels import triton as kernel
from lambdabench.kernels._triton import launches, stationary

# b, h, k, v, map, context's map or None, scope, what is left out (or in float32 within autocast), dtype
SHAPES: list[tuple[Any, ...]] = [
    (2, 2, 16, 8, (5, 6), None, (3, 3), "", torch.float32),
    (1, 4, 16, 16, (7, 7), None, (7, 7), "", torch.float32),
    (3, 2, 16, 16, (9, 3), None, (3, 5), "", torch.float32),  # squares and images that are not all there
    (2, 1, 3, 5, (4, 5), (6, 3), (5, 3), "", torch.float32),
    (1, 2, 4, 70, (3, 3), None, (23, 23), "", torch.float32),  # channels that are not all there, a map under its window
    (1, 3, 5, 7, (1, 9), None, (5, 5), "", torch.float32),
    (2, 8, 32, 4, (5, 3), None, (3, 3), "", torch.float32),
    (1, 2, 16, 8, (5, 6), (4, 7), (4, 6), "", torch.float32),  # as many offsets before as behind, and one more before
    (0, 2, 16, 8, (4, 4), None, (3, 3), "", torch.float32),
    (2, 2, 16, 8, (4, 4), None, (3, 3), "content", torch.float32),
    (2, 2, 16, 8, (4, 4), None, (3, 3), "embeddings", torch.float32),
    # bfloat16 products are not what a GPU computes in the interpreter of triton 3.9
    (1, 4, 16, 16, (7, 7), None, (7, 7), "", torch.float16),
    (1, 8, 16, 4, (6, 5), None, (9, 9), "", torch.float16),
    (5, 2, 16, 16, (3, 5), None, (5, 5), "", torch.float16),
    (2, 8, 32, 70, (3, 3), None, (3, 3), "", torch.float16),
    (1, 2, 5, 8, (4, 5), None, (3, 3), "autocast", torch.float16),
    (3, 4, 16, 16, (8, 7), None, (9, 11), "content", torch.float16),  # a halo that does not stay with a program
]
WIDE: list[tuple[Any, ...]] = [
    (9, 4, 16, 16, (5, 6), None, (9, 13), "", torch.float16),
    (4, 2, 16, 80, (6, 5), None, (11, 11), "content", torch.float16),
    (5, 8, 32, 16, (7, 6), None, (13, 11), "", torch.float16),
    (3, 2, 5, 48, (7, 6), (6, 9), (12, 15), "autocast", torch.float16),
]
"""Halos of which several operands stay with a program, where a device has the memory."""


def inputs(shape: tuple[Any, ...]) -> list[torch.Tensor | None]:
    b, h, k, v, size, context, scope, left_out, dtype = shape
    torch.manual_seed(0)
    made = {
        "queries": torch.randn(b, h, k, *size),
        "values": torch.randn(b, v, 1, *(context or size)),
        "content": torch.randn(b, k, v),
        "embeddings": torch.randn(k, 1, *scope),
    }
    wide = ("queries", "embeddings") if left_out == "autocast" else ()
    return [
        None if name == left_out else tensor.to(torch.float32 if name in wide else dtype).requires_grad_()
        for name, tensor in made.items()
    ]


def answers(apply: Any, given: list[torch.Tensor | None]) -> list[torch.Tensor]:
    y = apply(*given)
    weight = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
    there = [tensor for tensor in given if tensor is not None]
    tensors = torch.autograd.grad((y * weight).sum(), there, allow_unused=True)
    return [y, *(torch.zeros_like(tensor) if got is None else got for tensor, got in zip(there, tensors, strict=True))]


def greatest(tensor: torch.Tensor) -> float:
    return float(tensor.detach().abs().max()) if tensor.numel() else 0.0


def check(shape: tuple[Any, ...]) -> None:
    given = inputs(shape)
    wide = [None if item is None else item.detach().double().requires_grad_() for item in given]
    limit = 2e-6 if shape[-1] == torch.float32 else 2e-3
    dtypes = [shape[-1], *(item.dtype for item in given if item is not None)]
    for dtype, tensor, wanted in zip(dtypes, answers(kernel.apply, given), answers(einsum.apply, wide), strict=True):
        assert tensor.shape == wanted.shape, shape
        assert tensor.dtype == dtype, shape
        error, largest = greatest(tensor - wanted), greatest(wanted)
        assert error <= limit * max(1.0, largest), (shape, error)


def main() -> None:
    for shape in SHAPES:
        check(shape)
    launched: list[Any] = []
    launch = launches.launch
    launches.capability_of, launches.processors_of = lambda device: 90, lambda device: 2
    launches.launch = lambda function, *given, **constants: (
        launched.append(function),
        launch(function, *given, **constants),
    )
    for shape in WIDE:
        launched.clear()
        check(shape)
        assert {stationary.stationary_forward, stationary.stationary_query_gradients} <= set(launched), shape
    sys.stdout.write(f"{len(SHAPES)} shapes, {len(WIDE)} with a table in shared memory\n")


if __name__ == "__main__":
    main()
