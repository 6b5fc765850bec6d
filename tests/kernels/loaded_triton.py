"""Run with TRITON_INTERPRET=1: bytes that a forward pass loads from its table and its values, beside what `traffic` counts."""

import sys
from typing import Any

import numpy as np
import torch
from triton.runtime.interpreter import InterpreterBuilder

from lambdabench.kernels._triton import launches, traffic

PROCESSORS = 3
# b, h, k, v, map, context's map, scope, whether the table is streamed though it need not be
CASES: list[tuple[int, int, int, int, tuple[int, int], tuple[int, int], tuple[int, int], bool]] = [
    (9, 4, 16, 16, (5, 9), (5, 9), (13, 13), False),
    (9, 4, 16, 16, (5, 9), (5, 9), (13, 13), True),
    (3, 2, 16, 80, (9, 6), (9, 6), (11, 11), False),
    (3, 2, 16, 80, (9, 6), (9, 6), (11, 11), True),
    (7, 2, 64, 48, (7, 6), (6, 9), (12, 15), False),
    (7, 2, 64, 48, (7, 6), (6, 9), (12, 15), True),
]
"""Borders in both directions, tiles and groups that are not all there, a last program with fewer groups."""


def main() -> None:
    launches.capability_of = lambda device: 90
    launches.processors_of = lambda device: PROCESSORS
    for case in CASES:
        said, counted = loaded(case)
        assert said == counted, (case, said, counted)
        sys.stdout.write(f"{'streamed' if case[-1] else 'stationary'}: {said}\n")


def loaded(case: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes in Triton's interpreter, by what they are loaded from, element by element, and as counted."""
    b, h, k, v, size, context, scope, stream = case
    said, counted, spans = {"table": 0, "values": 0}, {}, {}
    launch, load = launches.launch, InterpreterBuilder.create_masked_load

    def watched_launch(kernel: Any, grid: Any, *given: Any, **constants: Any) -> None:
        assert kernel is launches.FORWARD["streamed" if stream else "stationary"]
        work = traffic.Work(size=size, context=context, images=b, channels=v, itemsize=2)
        table = traffic.streamed(work, constants) if stream else traffic.stationary(work, constants, PROCESSORS)
        counted.update(table=table, values=traffic.values(work, constants))
        for name, item in (("values", given[1]), ("table", given[3])):
            spans[name] = (item.data_ptr(), item.data_ptr() + item.nbytes)
        launch(kernel, grid, *given, **constants)

    def watched_load(builder: Any, pointers: Any, mask: Any, *rest: Any) -> Any:
        item = load(builder, pointers, mask, *rest)
        there = pointers.data[np.broadcast_to(mask.data, pointers.data.shape).astype(bool)]
        for name, (first, end) in spans.items():
            said[name] += int(((there >= first) & (there < end)).sum()) * item.data.itemsize
        return item

    q, values, e = (torch.randn(shape).half() for shape in ((b, *size, h, k), (b, *context, v), (k, 1, *scope)))
    launches.launch, InterpreterBuilder.create_masked_load = watched_launch, watched_load
    try:
        launches.outputs(q, values, None, e, stream=stream)
    finally:
        launches.launch, InterpreterBuilder.create_masked_load = launch, load
    return said, counted


if __name__ == "__main__":
    main()
