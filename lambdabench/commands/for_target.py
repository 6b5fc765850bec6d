"""A suite for a machine that is not here: planned as if it were, and compiled for it case by case."""

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from ..core.ahead import CaseAhead, Compiled
from ..core.spec import Case, Device, Machine, halves
from ..core.targets import Target
from ..facts import ahead
from ..facts.ahead import Row
from ..launch import ahead as compiler

LIMIT_S = 1800.0
"""Of one compilation."""


def machine_of(target: Target, here: Machine) -> Machine:
    """A machine with a target's devices, and this one's software."""
    devices = tuple(
        Device(
            name=f"tpu:{index}",
            title=target.title,
            memory_bytes=target.memory_bytes,
            backends=("jax_jit",),
            gemm_flop_per_s=target.flop_per_s,
            sharding=("jax_jit",),
        )
        for index in range(target.chips)
    )
    return dataclasses.replace(here, devices=devices, busy=(), missing=())


def known_of(target: Target, cases: Sequence[Case]) -> list[Row | None]:
    """What the compiler said of each case; None of those that were not compiled yet."""
    rows = ahead.shipped()
    return [ahead.find(rows, target.name, case) for case in cases]


def compile_cases(
    target: Target,
    cases: Sequence[Case],
    *,
    limit_s: float = LIMIT_S,
    compile_: Callable[[CaseAhead, float], Compiled] = lambda asked, limit_s: compiler.compile_case(
        asked, limit_s=limit_s
    ),
) -> Iterator[Row]:
    """A row a case: compiled as asked, and where it does not fit at half its batch until it does. Raises MissingExtraError."""
    for case in cases:
        first = last = compile_(CaseAhead(target=target, case=case), limit_s)
        fitting = case
        while last.status == "too_large" and halves(fitting):
            fitting = _smaller(fitting, last, target)
            last = compile_(CaseAhead(target=target, case=fitting), limit_s)
        yield ahead.row_of(target.name, case, first, last, fitting.batch_size)


def _smaller(case: Case, compiled: Compiled, target: Target) -> Case:
    """Half the batch, and half of that as long as even its share of what was wanted is too much: weights come on top of it."""
    smaller = dataclasses.replace(case, batch_size=case.batch_size // 2)
    while halves(smaller) and compiled.needed_bytes * smaller.batch_size / case.batch_size > target.memory_bytes:
        smaller = dataclasses.replace(smaller, batch_size=smaller.batch_size // 2)
    return smaller
