"""`python -m lambdabench.worker.trial KERNEL EXTRA SEED CAP_S`: one trial of the gate's proof in this fresh process, as a line of JSON.

EXTRA is the share of real extra work on head's side. The same rounds are judged again with head's times multiplied exactly.
"""

import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from ..analysis.estimate import median
from ..analysis.judge import following, judge
from ..core.pairing import Rules
from .turns import Player, read

EXACT = (1.0, 1.03, 1.05, 1.10)
"""Factors by which head's times are multiplied."""
Kernel = Callable[[float], Callable[[], Any]]


def gemm(extra: float) -> Callable[[], Any]:
    """A matrix product of 2 ms or so, with a share more columns."""
    source = np.random.default_rng(0)
    left = source.standard_normal((400, 512), dtype=np.float32)
    right = source.standard_normal((512, round(512 * (1 + extra))), dtype=np.float32)
    return lambda: left @ right


def memory(extra: float) -> Callable[[], Any]:
    """A sum of two arrays of 8 MB into a third, a share longer."""
    first, second, third = (np.ones(round(2_000_000 * (1 + extra)), np.float32) for _ in range(3))
    return lambda: np.add(first, second, out=third)


def tiny(extra: float) -> Callable[[], Any]:
    """A hundred operations on eight numbers, and a share more."""
    values = np.ones(8, np.float32)
    count = round(100 * (1 + extra))

    def work() -> Any:
        for _ in range(count):
            np.multiply(values, values, out=values)

    return work


def allocating(extra: float) -> Callable[[], Any]:
    """Two hundred fresh arrays of 64 kB, each written, and a share more."""
    count = round(200 * (1 + extra))

    def work() -> Any:
        return [np.zeros(16_384, np.float32) + 1 for _ in range(count)]

    return work


KERNELS: dict[str, Kernel] = {"gemm": gemm, "memory": memory, "tiny": tiny, "allocating": allocating}


def run(kernel: str, extra: float, seed: int, rules: Rules) -> dict[str, Any]:
    """Rounds until every factor is decided or time is out; what each would have been told, and when."""
    sides = [KERNELS[kernel](0.0), KERNELS[kernel](extra)]
    players = [Player(play=_repeated(one)) for one in sides]
    for _ in range(6):
        for one in players:
            read(one, 1)
    call_s = read(players[0], 8).wall_s / 8
    calls = max(1, round(1e-3 / call_s))
    order, start_s = random.Random(seed), time.perf_counter()
    factors = EXACT if extra == 0 else (1.0,)
    found: dict[str, Any] = {}
    readings: list[list[Any]] = [[], []]
    look, due = 1, rules.first_look
    while len(found) < len(factors):
        over = time.perf_counter() - start_s > rules.cap_s
        while len(readings[0]) < due and not over:
            first = order.random() < 0.5
            for side in (first, not first):
                readings[side].append(read(players[side], calls))
            over = time.perf_counter() - start_s > rules.cap_s
        for factor in factors:
            if str(factor) not in found:
                verdict = judge(_logs(readings, "thread CPU", factor), rules, look)
                wall = judge(_logs(readings, "wall", factor), rules, look)
                vetoed = verdict.finding == "slower" and wall.ratio <= 1
                if over or (verdict.finding != "unclear" and not vetoed):
                    told = "unclear" if vetoed else verdict.finding
                    spent_s = round(time.perf_counter() - start_s, 3)
                    found[str(factor)] = {"finding": told, "ratio": round(verdict.ratio, 5), "seconds": spent_s}
        look, due = look + 1, following(due, rules)
    return {
        "kernel": kernel,
        "extra": extra,
        "seed": seed,
        "found": found,
        "rounds": len(readings[0]),
        "base_s": median([one.wall_s for one in readings[0]]) / calls,
        "head_s": median([one.wall_s for one in readings[1]]) / calls,
    }


def _logs(readings: list[list[Any]], clock: Any, factor: float) -> Any:
    base, head = (np.array([one.by(clock) for one in side]) for side in readings)
    return np.log(factor * head / base)


def _repeated(work: Callable[[], Any]) -> Callable[[int], None]:
    def play(calls: int) -> None:
        for _ in range(calls):
            work()

    return play


if __name__ == "__main__":
    name, share, number, cap_s = sys.argv[1:]
    sys.stdout.write(json.dumps(run(name, float(share), int(number), Rules(cap_s=float(cap_s)))) + "\n")
