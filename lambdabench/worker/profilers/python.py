"""Python's own profiler over a few calls: time by function."""

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.gate_protocol import Operator

CALLS = 3
MOST = 40


def profiled(call: Callable[[], Any], on_gpu: bool) -> tuple[tuple[Operator, ...], None]:
    """(Functions by their own time in a call, None: nobody counted allocations)."""
    profile = cProfile.Profile()
    call()
    profile.enable()
    for _ in range(CALLS):
        call()
    profile.disable()
    rows: Any = pstats.Stats(profile).stats  # pyright: ignore[reportAttributeAccessIssue] (typeshed leaves it out)
    operators = [
        Operator(name=_name(where), self_s=own_s / CALLS, calls=calls / CALLS)
        for where, (_, calls, own_s, _, _) in rows.items()
        if "_lsprof" not in where[2]
    ]
    return tuple(sorted(operators, key=lambda operator: -operator.self_s)[:MOST]), None


def _name(where: tuple[str, int, str]) -> str:
    """ "module.py function"; a builtin has no file. Line numbers would differ between versions."""
    file, _, function = where
    return function.strip("<>") if file == "~" else f"{Path(file).name} {function}"
