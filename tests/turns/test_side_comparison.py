"""Two players in turn: neither side has an advantage by its place in a round, and a machine that was taken away says nothing."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from lambdabench.core.gate_protocol import Rules
from lambdabench.core.record import Noise
from lambdabench.machine import quiet
from lambdabench.turns import side_comparison
from lambdabench.turns.clocks import Player, Reading
from lambdabench.turns.side_comparison import Compared, Terms, compare

CALL_S = 0.01


def scripted(time_of: Callable[[str, int], float]) -> tuple[Player, Player, list[str]]:
    """(Base, head, the order in which they were read); `time_of` gives seconds by the side and the number of the reading."""
    order: list[str] = []

    def player(side: str) -> Player:
        def remote(calls: int) -> Reading:
            order.append(side)
            call_s = calls * time_of(side, len(order))
            return Reading(wall_s=call_s, thread_s=call_s, process_s=call_s, device_s=None, faults=0, waits=0)

        return Player(remote=remote)

    return player("base"), player("head"), order


def compared(time_of: Callable[[str, int], float], seed: int = 0) -> tuple[Compared, list[str]]:
    base, head, order = scripted(time_of)
    result = compare(base, head, Terms(rules=Rules(cap_s=5.0), seed=seed))
    rounds = order[-2 * result.rounds :]
    return result, rounds[::2]


def second_is_slow(side: str, number: int) -> float:
    """What comes second in a round finds the caches of the first."""
    return CALL_S * (1.05 if number % 2 == 0 else 1.0)


def test_either_side_comes_first_as_often() -> None:
    result, firsts = compared(lambda side, number: CALL_S)
    assert result.verdict.finding == "same"
    assert 0.25 * len(firsts) < firsts.count("base") < 0.75 * len(firsts)
    again, other = compared(lambda side, number: CALL_S)[1], compared(lambda side, number: CALL_S, seed=1)[1]
    assert again == firsts, "by the seed"
    assert other != firsts


@pytest.mark.parametrize("seed", range(5))
def test_the_place_in_a_round_is_no_sides_fault(seed: int) -> None:
    result, _ = compared(second_is_slow, seed)
    assert result.verdict.finding not in ("slower", "faster")
    assert 0.98 < result.verdict.ratio < 1.02


def test_head_is_slower_where_it_is_and_its_place_is_not_told() -> None:
    result, _ = compared(lambda side, number: second_is_slow(side, number) * (1.2 if side == "head" else 1.0))
    assert result.verdict.finding == "slower"
    assert result.head_s / result.base_s == pytest.approx(1.2, rel=0.06)


def slower(side: str, number: int) -> float:
    return CALL_S * (1.05 if side == "head" else 1.0)


@pytest.mark.parametrize(
    ("steal", "seconds", "finding"),
    [(0.20, 2.0, "unclear"), (0.04, 2.0, "slower"), (None, 2.0, "slower"), (0.20, 0.4, "slower")],
)
def test_a_machine_that_was_taken_away_says_nothing(
    monkeypatch: pytest.MonkeyPatch, steal: float | None, seconds: float, finding: str
) -> None:
    monkeypatch.setattr(quiet, "noise_between", lambda *_: replace(Noise(), steal=steal))
    monkeypatch.setattr(side_comparison, "STEAL_SEEN_S", 0.5 - seconds)  # as if it had taken so long
    result, _ = compared(slower)
    assert result.verdict.finding == finding
    assert (result.verdict.ratio, result.noise.steal) == (pytest.approx(1.05), steal)
    assert ("20 % of the CPU's time was stolen" in result.reason) == (finding == "unclear")


def test_cpu_time_that_the_wall_contradicts_is_unclear() -> None:
    base, head, _ = scripted(slower)
    read = head.remote
    assert read is not None
    shorter = Player(remote=lambda calls: replace(read(calls), wall_s=0.99 * calls * CALL_S))
    result = compare(base, shorter, Terms(rules=Rules(cap_s=0.3)))
    assert result.verdict.finding == "unclear"
    assert result.reason == "CPU time says +5.0%, wall time -1.0%"


def test_a_build_in_short_is_its_rounds_centre_and_standard_error() -> None:
    source = random.Random(3)
    logs = [source.gauss(0.05, 0.01) for _ in range(400)]
    build = side_comparison.built(logs, "slower", 0.04, True)
    assert (build.log, build.finding, build.wall_log, build.swapped) == (
        pytest.approx(0.05, abs=2e-3),
        "slower",
        0.04,
        True,
    )
    assert build.sd == pytest.approx(0.01 / 400**0.5, rel=0.1)
    builds = compared(slower)[0].builds
    base, head, _ = scripted(slower)
    assert [item.swapped for item in compare(base, head, Terms(swapped=True)).builds] == [True]
    assert [(item.finding, round(item.log, 6)) for item in builds] == [("slower", round(math.log(1.05), 6))]
