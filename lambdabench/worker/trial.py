"""`python -m lambdabench.worker.trial KERNEL EXTRA SEED CAP_S`: one trial of the gate's proof in this fresh process, as a line of JSON.

EXTRA is the share of real extra work on head's side. The same rounds are judged again with head's times multiplied exactly.
"""

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..analysis.estimate import median
from ..analysis.gate_rule import AGREEING, BUILDS, alone, wants_build
from ..analysis.judge import judge
from ..core.gate_protocol import Build, Rules
from ..turns.clocks import Player, Reading, read
from ..turns.sequential_stopping import at_interim_analyses
from ..turns.side_comparison import built
from ..turns.visit_order import in_turn

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
    """A sum of two arrays of 8 MB into a third, a share longer, each at a multiple of 64 bytes as torch's and XLA's are."""
    first, second, third = (_aligned(round(2_000_000 * (1 + extra))) for _ in range(3))
    return lambda: np.add(first, second, out=third)


def unaligned(extra: float) -> Callable[[], Any]:
    """The same where the allocator puts it, at a multiple of 16 bytes: whoever got the better place of two equal sides was 17 to 47 %
    faster (AVX-512, two Xeon cores, 9 processes).
    """
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


KERNELS: dict[str, Kernel] = {
    "gemm": gemm,
    "memory": memory,
    "tiny": tiny,
    "allocating": allocating,
    "unaligned": unaligned,
}
LINE = 64
"""Bytes of a cache line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Analysis:
    """An interim analysis of one build: its number, from 1, whether time is out, and whether head was made first."""

    number: int
    is_over: bool
    swapped: bool


def run(kernel: str, extra: float, seed: int, rules: Rules) -> dict[str, Any]:
    """What would be said of each factor, as `builds` do it, and when."""
    factors = EXACT if extra == 0 else (1.0,)
    kept: list[Any] = []
    builds: dict[float, list[Build]] = {factor: [] for factor in factors}
    seconds = dict.fromkeys(factors, 0.0)
    times: list[tuple[float, float]] = []
    while wanted := [factor for factor in factors if wants_build(builds[factor], rules)]:
        number = len(times)
        order = (0.0, extra) if number % 2 == 0 else (extra, 0.0)
        made = [KERNELS[kernel](value) for value in order]
        kept.append(made)  # freed memory would be taken again
        players = [Player(play=_repeated(item)) for item in (made if number % 2 == 0 else reversed(made))]
        result, spent, medians = _build(players, wanted, BUILDS * seed + number, rules)
        times.append(medians)
        for factor in wanted:
            builds[factor].append(result[factor])
            seconds[factor] += spent[factor]
    verdicts = {factor: alone(many, rules) for factor, many in builds.items()}
    return {
        "kernel": kernel,
        "extra": extra,
        "seed": seed,
        "agreeing": AGREEING,
        "found": {
            str(factor): {
                "finding": verdict.finding,
                "ratio": round(verdict.ratio, 5),
                "seconds": round(seconds[factor], 3),
            }
            for factor, verdict in verdicts.items()
        },
        "base_s": times[0][0],
        "head_s": times[0][1],
    }


def _aligned(count: int) -> Any:
    """So many ones that begin with a cache line."""
    room = np.ones(count + LINE // 4, np.float32)
    start = -room.ctypes.data % LINE // 4
    return room[start : start + count]


def _build(
    players: list[Player], factors: Sequence[float], seed: int, rules: Rules
) -> tuple[dict[float, Build], dict[float, float], tuple[float, float]]:
    """(What each factor's rounds say, seconds until it, median wall times of a call) of one build."""
    for _ in range(20):
        for player in players:
            read(player, 1)
    calls = max(1, round(8e-3 / read(players[0], 8).wall_s))
    start_s = time.perf_counter()
    builds: dict[float, Build] = {}
    spent: dict[float, float] = {}
    readings: list[list[Reading]] = [[], []]

    def take() -> None:
        for side in in_turn((0, 1), seed, len(readings[0])):
            readings[side].append(read(players[side], calls))

    def is_settled(analysis: int, is_over: bool) -> bool:
        at = _Analysis(number=analysis, is_over=is_over, swapped=bool(seed % BUILDS % 2))
        for factor in factors:
            if factor not in builds and (build := _settled(readings, factor, rules, at)) is not None:
                builds[factor], spent[factor] = build, time.perf_counter() - start_s
        return len(builds) == len(factors)

    at_interim_analyses(take, is_settled, rules, lambda: time.perf_counter() - start_s < rules.cap_s)
    base_s, head_s = (median([reading.wall_s for reading in side]) / calls for side in readings)
    return builds, spent, (base_s, head_s)


def _settled(readings: list[list[Reading]], factor: float, rules: Rules, at: _Analysis) -> Build | None:
    """What an analysis says where it stands or time is out."""
    logs = _logs(readings, "thread CPU", factor)
    finding = judge(logs, rules, at.number).finding
    wall_log = math.log(judge(_logs(readings, "wall", factor), rules, at.number).ratio)
    if finding == "slower" and wall_log <= 0:
        finding = "unclear"
    return built(logs, finding, wall_log, at.swapped) if at.is_over or finding != "unclear" else None


def _logs(readings: list[list[Reading]], clock: Any, factor: float) -> Any:
    base, head = (np.array([reading.by(clock) for reading in side]) for side in readings)
    return np.log(factor * head / base)


def _repeated(work: Callable[[], Any]) -> Callable[[int], None]:
    def play(calls: int) -> None:
        for _ in range(calls):
            work()

    return play


if __name__ == "__main__":
    name, share, number, cap_s = sys.argv[1:]
    sys.stdout.write(json.dumps(run(name, float(share), int(number), Rules(cap_s=float(cap_s)))) + "\n")
