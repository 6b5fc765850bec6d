"""A race finds the front by few measurements, stops, and says what it may have missed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdabench.analysis.race import Race, Rules, fastest, in_question, on_front
from lambdabench.analysis.race_replay import Course, replay
from lambdabench.analysis.speed_model import Networks, networks


def field(count: int = 200, seed: int = 0, apart: float = 0.1) -> Course:
    """Networks of made-up tables of two devices, raced on a third one."""
    draw = np.random.default_rng(seed)
    counts = np.exp(draw.normal(2.0, 1.0, (count, 4)))
    base = -0.8 * np.log(counts[:, 1]) + draw.normal(0.0, 0.2, count)
    logs = np.column_stack([base + level + draw.normal(0.0, apart, count) for level in (8, 7)])
    top1 = 78 - 3 * base + draw.normal(0.0, 2.0, count)
    of = networks([f"{chr(97 + place % 9)}net{place}" for place in range(count)], counts, logs)
    return Course(of=of, top1=top1, truth=base + 4 + draw.normal(0.0, apart, count))


def raced(on: Course, abreast: int = 1, **rules: float) -> Race:
    race = Race(on.of, on.top1, rules=Rules(**rules))  # pyright: ignore[reportArgumentType]
    while not race.is_over():
        race.see({number: float(on.truth[number]) for number in race.choose(abreast)})
    return race


@pytest.mark.parametrize("abreast", [1, 4])
def test_it_finds_the_front_and_measures_few(abreast: int) -> None:
    on = field()
    race = raced(on, abreast)
    truly = set(np.flatnonzero(on_front(on.truth, on.top1)).tolist())
    assert set(race.front()) == truly
    assert 24 <= len(race.speeds) < 100
    assert 0 <= race.expected() < 0.05 * len(truly)
    assert [race.speeds[number] for number in race.front()] == sorted(
        (race.speeds[number] for number in truly), reverse=True
    )


def test_the_first_are_along_the_foretold_front_then_come_the_least_known() -> None:
    on = field()
    race, foretold = Race(on.of, on.top1), on_front(on.of.mean, on.top1)
    first = race.choose(8)
    assert all(foretold[value] for value in first)
    ordered = [place for place in np.argsort(on.of.mean) if foretold[place]]
    assert (first[0], first[-1]) == (ordered[0], ordered[-1])
    race.see({value: float(on.truth[value]) for value in first})
    chances = race.chances()
    half = np.median(chances[[value for value in range(200) if value not in first]])
    for number in race.choose(16):
        assert chances[number] >= half


def test_seconds_decide_among_equally_probable_ones() -> None:
    on = field()
    race = Race(on.of, on.top1, rules=Rules(front=4, unknown=0))
    race.see({number: float(on.truth[number]) for number in race.choose(4)})
    chances = race.chances()
    (best,) = race.choose(1)
    assert best == int(np.argmax(chances))
    seconds = np.ones(200)
    seconds[best] = 1e6
    assert race.choose(1, seconds) == [int(np.argmax(chances / seconds))] != [best]


def test_what_failed_is_not_tried_again_nor_expected() -> None:
    on = field()
    race = Race(on.of, on.top1)
    first = race.choose(8)
    race.see({number: float(on.truth[number]) for number in first[1:]}, failed=first[:1])
    assert first[0] not in race.choose(100)
    assert race.chances()[first[0]] == 0
    everything = Race(on.of, on.top1)
    everything.see({}, failed=range(200))
    assert everything.is_over()
    assert everything.choose(3) == []


def test_a_speed_below_which_nothing_matters_narrows_the_race() -> None:
    on = field()
    limit = float(np.quantile(on.truth, 0.8))
    race = Race(on.of, on.top1, least=limit)
    while not race.is_over():
        race.see({number: float(on.truth[number]) for number in race.choose()})
    truly = np.flatnonzero(on_front(on.truth, on.top1) & (on.truth >= limit))
    assert set(race.front()) == set(truly.tolist())
    assert len(race.speeds) < 60


def test_a_better_number_of_one_that_is_known_is_taken_in() -> None:
    on = field()
    race = Race(on.of, on.top1)
    first = race.choose(4)
    race.see({number: float(on.truth[number]) for number in first})
    before = race.foreseen().copy()
    race.see({first[0]: float(on.truth[first[0]]) + 0.2})
    assert len(race.speeds) == 4
    assert not np.allclose(before, race.foreseen())


def test_small_fields_end() -> None:
    for count in (1, 2, 3, 9):
        on = field(count)
        assert set(raced(on).front()) <= set(range(count))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_a_front_is_what_no_other_beats(points: list[tuple[int, int]]) -> None:
    speeds, top1 = (np.array(items, dtype=float) for items in zip(*points, strict=True))
    for place, item in enumerate(on_front(speeds, top1)):
        beaten = (speeds >= speeds[place]) & (top1 >= top1[place]) & ((speeds > speeds[place]) | (top1 > top1[place]))
        assert item == (not beaten.any())
    known = {place: float(speeds[place]) for place in range(0, len(points), 2)}
    for place, limit in enumerate(fastest(top1, known)):
        above = [speed for number, speed in known.items() if top1[number] >= top1[place]]
        assert limit == max(above, default=-np.inf)


def test_replays_are_the_same_again_and_lose_nothing_without_noise() -> None:
    on = field()
    item, other = replay(on, noise=0.03, seed=1, repeats=True), replay(on, noise=0.03, seed=1, repeats=True)
    assert item == other
    assert item.processes > item.measured
    quiet = replay(on)
    assert (quiet.named, quiet.found) == (quiet.front, quiet.front)
    assert quiet.lost == (0.0,) * quiet.front
    assert quiet.processes == quiet.measured


def test_what_is_surely_on_the_front_or_off_it_is_not_in_question() -> None:
    speeds, top1 = np.array([0.0, 0.01, 1.0, -3.0]), np.array([80.0, 79.99, 70.0, 60.0])
    groups, processes = np.arange(4), np.array([1, 1, 1, 1])
    assert in_question(speeds, np.full(4, 0.03), top1, groups, processes).tolist() == [True, True, False, False]
    assert not in_question(speeds, np.full(4, 0.03), top1, groups, np.full(4, 5)).any()


def test_one_network_is_a_race_too() -> None:
    of = Networks(
        mean=np.zeros(1),
        linear=np.zeros((1, 1)),
        shape=np.zeros((1, 6)),
        family=np.zeros(1, dtype=np.int64),
        architecture=np.zeros(1, dtype=np.int64),
    )
    race = Race(of, np.array([80.0]))
    assert race.choose() == [0]
    race.see({0: 1.0})
    assert race.is_over()
    assert race.front() == [0]


def test_an_earlier_race_that_was_over_is_over_again() -> None:
    on = field()
    race, again = raced(on), Race(on.of, on.top1)
    again.see(race.speeds)
    assert again.is_over()
    assert again.front() == race.front()
    half = Race(on.of, on.top1)
    half.see(dict(list(race.speeds.items())[:12]))
    assert not half.is_over()
