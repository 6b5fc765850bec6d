"""Speed-ups at equal accuracy: the paper's own figures, what must hold of any curves, and intervals by other draws."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from lambdabench.analysis.equal_accuracy import Points, compared, curve, frontier, log_ratio, over_shared, shared
from lambdabench.analysis.front_membership import ALIKE, IMAGES
from lambdabench.facts import paper_figures

READ_OFF_S = 0.006
"""How exactly the seconds of Figure 4 were read off it (facts/paper.csv)."""


def of_paper(table: str, row: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Seconds, their relative standard deviation by rounding, top-1) of a family whose accuracies are of ImageNet alone."""
    points: dict[tuple[str, int | None], dict[str, float]] = {}
    for paper_figure in paper_figures(table):
        if not paper_figure.row.startswith(row) or "pseudo" in paper_figure.conditions:
            continue
        setdefault = points.setdefault((paper_figure.row, paper_figure.image_px), {})
        if paper_figure.metric == "latency":
            half = READ_OFF_S if table == "Fig. 4" else 0.5 * 10**-paper_figure.decimals
            setdefault |= {"seconds": paper_figure.value, "sd": half / math.sqrt(3) / paper_figure.value}
        elif paper_figure.metric == "top1":
            setdefault["top1"] = paper_figure.value
    whole = [point for point in points.values() if len(point) == 3]
    seconds, sd, top1 = (np.array([item[key] for item in whole]) for key in ("seconds", "sd", "top1"))
    return seconds, sd, top1


LAMBDA, EFFICIENTNET = of_paper("Table 19", "LambdaResNet"), of_paper("Fig. 4", "EfficientNet")


def together(*families: tuple[np.ndarray, np.ndarray, np.ndarray]) -> tuple[Points, np.ndarray, np.ndarray]:
    seconds, sd, top1 = (np.concatenate(items) for items in zip(*families, strict=True))
    mine = len(families[0][0])
    points = Points(seconds=seconds, log_sd=sd, top1=top1, weights=np.arange(len(top1)))
    return points, np.arange(mine), np.arange(mine, len(top1))


def test_the_papers_speed_ups_over_efficientnet() -> None:
    """arXiv 2102.08602, Table 19 and Figure 4: B1 to B7 1.69, 1.82, 1.87, 2.14, 3.20, 4.52, 3.157; B0 lies outside."""
    assert [len(arrays[0]) for arrays in (LAMBDA, EFFICIENTNET)] == [12, 8]
    comparison = compared(*together(LAMBDA, EFFICIENTNET))
    speed_ups = {round(speed_up.top1 or 0, 1): speed_up for speed_up in comparison.at}
    assert speed_ups[77.1].value is None
    expected = {79.1: 1.69, 80.1: 1.82, 81.6: 1.87, 82.9: 2.14, 83.7: 3.20, 84.0: 4.52, 84.7: 3.157}
    for top1, value in expected.items():
        assert speed_ups[top1].value == pytest.approx(value, abs=0.0005 if top1 == 84.7 else 0.005)
    assert shared(comparison.mine, comparison.theirs) == (77.4, 84.7)
    assert (comparison.mean.value, comparison.least, comparison.most) == pytest.approx((2.09, 1.65, 4.51), abs=0.006)


@pytest.mark.parametrize(
    ("row", "expected"), [("ResNet w/ SE", (1.71, 2.21, 2.17)), ("ResNet wo/ SE", (1.93, 2.75, 2.74))]
)
def test_the_papers_speed_ups_over_resnets(row: str, expected: tuple[float, ...]) -> None:
    comparison = compared(*together(LAMBDA, of_paper("Fig. 4", row)))
    assert [speed_up.value for speed_up in comparison.at] == pytest.approx(expected, abs=0.006)


def test_intervals_of_the_papers_speed_ups() -> None:
    """Rounding alone leaves [4.49, 4.55] at 84.0, the images of the validation set [2.7, 6.1]: within what 2,000 draws tell of the ends,
    and half of those of the last accuracy fall outside."""
    comparison = compared(*together(LAMBDA, EFFICIENTNET))
    speed_ups = {round(speed_up.top1 or 0, 1): speed_up for speed_up in comparison.at}
    assert speed_ups[84.0].speed == pytest.approx((4.49, 4.55), abs=0.01)
    for top1, interval in {81.6: (1.7, 2.1), 82.9: (1.9, 2.6), 83.7: (2.6, 4.5), 84.0: (2.7, 6.1)}.items():
        assert speed_ups[top1].both == pytest.approx(interval, rel=0.06)
    assert speed_ups[84.0].both_outside == 0
    assert speed_ups[84.7].both_outside == pytest.approx(0.5, abs=0.05)
    assert comparison.mean.both_outside == 0


def test_intervals_are_those_of_draws_made_another_way() -> None:
    points, mine, theirs = together(LAMBDA, EFFICIENTNET)
    comparison = compared(points, mine, theirs, [82.0])
    random, ratios = np.random.default_rng(5), []
    for _ in range(4000):
        seconds = points.seconds * np.exp(points.log_sd * random.standard_normal(len(points.seconds)))
        share = points.top1 / 100
        top1 = points.top1 + 100 * np.sqrt(share * (1 - share) / IMAGES * (1 - ALIKE)) * random.standard_normal(
            len(share)
        )
        ratios.append(_slowly(seconds[theirs], top1[theirs], 82.0) / _slowly(seconds[mine], top1[mine], 82.0))
    assert comparison.at[0].both == pytest.approx(tuple(np.quantile(ratios, (0.025, 0.975))), rel=0.02)


def _slowly(seconds: np.ndarray, top1: np.ndarray, at: float) -> float:
    """Seconds at an accuracy, point by point."""
    kept: list[tuple[float, float]] = []
    for time, accuracy in sorted(zip(seconds, top1, strict=True)):
        if not kept or accuracy > kept[-1][1]:
            kept.append((time, accuracy))
    for (t0, a0), (t1, a1) in itertools.pairwise(kept):
        if a0 <= at <= a1:
            return math.exp(math.log(t0) + (at - a0) / (a1 - a0) * (math.log(t1) - math.log(t0)))
    return math.nan


FAMILY = some.lists(
    some.tuples(some.floats(0.001, 10), some.floats(60, 90)),
    min_size=1,
    max_size=12,
    unique_by=(lambda values: values[0],),
)


@given(FAMILY)
def test_a_curve_rises_in_both_and_nothing_lies_above_it(family: list[tuple[float, float]]) -> None:
    seconds, top1 = np.array(family).T
    line = curve(seconds, top1)
    assert (np.diff(line.top1) > 0).all()
    assert (np.diff(line.log_seconds) >= 0).all()
    for time, accuracy in family:
        assert any(
            np.exp(t) <= time * 1.0000001 and a >= accuracy for a, t in zip(line.top1, line.log_seconds, strict=True)
        )


@given(FAMILY, FAMILY, some.floats(0.1, 10))
def test_who_is_so_many_times_slower_everywhere_has_so_many_times_the_ratio(
    mine: list[tuple[float, float]], theirs: list[tuple[float, float]], factor: float
) -> None:
    (s1, a1), (s2, a2) = np.array(mine).T, np.array(theirs).T
    at = np.linspace(60, 90, 13)
    before, after = (log_ratio(curve(s1, a1), curve(s2 * value, a2), at) for value in (1.0, factor))
    np.testing.assert_allclose(after - before, np.where(np.isnan(before), np.nan, math.log(factor)), atol=1e-9)
    np.testing.assert_allclose(log_ratio(curve(s2, a2), curve(s1, a1), at), -before, atol=1e-9)
    assert np.allclose(over_shared(curve(s1, a1), curve(s1, a1)), 0)


def test_beyond_a_curve_nothing_is_told() -> None:
    mine = (np.array([1.0, 2.0]), np.full(2, 0.01), np.array([70.0, 75.0]))
    theirs = (np.array([2.0, 8.0]), np.full(2, 0.01), np.array([76.0, 80.0]))
    comparison = compared(*together(mine, theirs), [70.0, 75.5, 80.0], draws=10)
    assert [speed_up.value for speed_up in (*comparison.at, comparison.mean)] == [None] * 4
    assert (comparison.least, comparison.most, comparison.mean.speed) == (None, None, None)


def test_without_errors_of_speed_there_is_no_interval() -> None:
    mine = (np.array([1.0, 2.0]), np.array([0.01, np.nan]), np.array([70.0, 75.0]))
    theirs = (np.array([2.0, 8.0]), np.full(2, 0.01), np.array([70.0, 75.0]))
    comparison = compared(*together(mine, theirs))
    assert [speed_up.value for speed_up in comparison.at] == pytest.approx([2.0, 4.0])
    assert {(speed_up.speed, speed_up.both) for speed_up in (*comparison.at, comparison.mean)} == {(None, None)}
    assert comparison.mean.value == pytest.approx(math.sqrt(8))


def test_one_set_of_weights_under_two_names_has_one_accuracy() -> None:
    """Else the slower name, a fifth of an image more accurate by chance, would be a point of the curve."""
    points = Points(
        seconds=np.array([1.0, 1.1, 2.0]),
        log_sd=np.full(3, 0.01),
        top1=np.array([80.00, 80.02, 80.0]),
        weights=np.array([0, 0, 1]),
    )
    comparison = compared(points, np.array([0, 1]), np.array([2]), draws=50)
    assert (comparison.points[0].tolist(), comparison.at) == ([0], ())
    assert comparison.mine.top1 == pytest.approx([80.01])


def test_of_equal_seconds_the_most_accurate_counts() -> None:
    assert frontier(np.array([1.0, 1.0, 2.0]), np.array([70.0, 71.0, 71.0])).tolist() == [1]
    with pytest.raises(ValueError, match="no points"):
        compared(*together(LAMBDA, (np.array([]),) * 3))


def test_over_some_accuracies_it_is_their_geometric_mean() -> None:
    """B1 to B4 of Figure 4: 1.69, 1.82, 1.87 and 2.14; none where one of them is outside."""
    points, mine, theirs = together(LAMBDA, EFFICIENTNET)
    comparison = compared(points, mine, theirs, [79.1, 80.1, 81.6, 82.9])
    assert comparison.asked.value == pytest.approx((1.69 * 1.82 * 1.87 * 2.14) ** 0.25, abs=0.005)
    assert comparison.asked.both is not None
    assert comparison.asked.both[0] < 1.87 < comparison.asked.both[1]
    assert compared(points, mine, theirs, [77.1, 79.1], draws=10).asked.value is None
