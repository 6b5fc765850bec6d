"""The probability of being on the front is that of many draws, and one network under two names is one network."""

import math
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lambdabench.analysis.front_membership import Weights, band, membership, top1_sd, twins

POINTS = Path(__file__).parents[2] / "reports" / "reference" / "xeon-2-cores" / "pareto.csv"


def apart(count: int) -> np.ndarray:
    return np.arange(count)


def drawn_shares(log_speeds: np.ndarray, top1: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    """Brute force: of draws of all speeds, [draw, case], and as many of the accuracies, how often each case is on the front."""
    random = np.random.default_rng(seed)
    names, mine = np.unique(groups, return_inverse=True)
    accuracy = np.array([top1[mine == number].mean() for number in range(len(names))])
    drawn = accuracy + top1_sd(accuracy) * random.standard_normal((len(log_speeds), len(names)))
    fronts = [on_front(speeds, item[mine]) for speeds, item in zip(log_speeds, drawn, strict=True)]
    return np.mean(fronts, axis=0)


def on_front(speed: np.ndarray, accuracy: np.ndarray) -> np.ndarray:
    """Those than which none is faster and at least as accurate, or as fast and more accurate."""
    order = np.lexsort((-accuracy, -speed))
    best = np.maximum.accumulate(accuracy[order])
    before = np.concatenate(([-np.inf], best[:-1]))
    result = np.empty(len(speed), dtype=bool)
    result[order] = accuracy[order] > before
    return result


def test_it_is_that_of_brute_force() -> None:
    """60 networks near a front; 20,000 draws, whose own sd is 0.0035."""
    draw = np.random.default_rng(0)
    speed = draw.normal(0.0, 0.5, 60)
    top1 = 80 - 4 * speed + draw.normal(0.0, 0.4, 60)
    sd = draw.uniform(0.01, 0.06, 60)
    groups = np.repeat(apart(30), 2)  # pairs of equal accuracy
    floats = membership(speed, sd, top1, groups)
    drawn = drawn_shares(speed + sd * draw.standard_normal((20_000, 60)), top1, groups, seed=1)
    assert 0.1 < floats.mean() < 0.5
    assert np.abs(floats - drawn).max() < 0.015


def test_a_band_holds_95_percent_of_the_fronts_that_are_drawn() -> None:
    draw = np.random.default_rng(0)
    speed = draw.normal(0.0, 0.5, 20)
    top1 = 80 - 4 * speed + draw.normal(0.0, 0.4, 20)
    sd, groups = draw.uniform(0.01, 0.06, 20), np.repeat(apart(10), 2)
    at = np.linspace(speed.min(), float(np.sort(speed)[-2]), 7)
    low, high = band(speed, sd, top1, groups, at)
    middle = np.array([top1[groups == number].mean() for number in range(10)])
    accuracy = (middle + top1_sd(middle) * draw.standard_normal((20_000, 10)))[:, groups]
    faster = (speed + sd * draw.standard_normal((20_000, 20)))[:, None, :] >= at[:, None]
    best = np.where(faster, accuracy[:, None, :], -np.inf).max(axis=2)
    assert ((best < low).mean(axis=0) <= 0.031).all()
    assert ((best > high).mean(axis=0) <= 0.031).all()
    assert ((best < low).mean(axis=0) + (best > high).mean(axis=0)).mean() == pytest.approx(0.05, abs=0.006)
    beyond = band(speed, sd, top1, groups, np.array([speed.max() + 1.0]))
    assert [float(floats[0]) for floats in beyond] == [-math.inf, -math.inf], "nothing is so fast"


def test_the_same_weights_under_two_names_share_one_accuracy() -> None:
    """One that is 10 % slower with identical accuracy is not on the front; as two networks it would be in half of the draws."""
    speed, sd, top1 = np.log([100.0, 90.0]), np.array([0.03, 0.03]), np.array([81.5, 81.5])
    assert membership(speed, sd, top1, np.array([0, 0])) == pytest.approx([0.99, 0.01], abs=0.01)
    assert membership(speed, sd, top1, np.array([0, 1]))[1] == pytest.approx(0.5, abs=0.02)
    drawn = speed + 0.03 * np.random.default_rng(0).standard_normal((4000, 2))
    assert drawn_shares(drawn, top1, np.array([0, 0]), seed=1) == pytest.approx([0.99, 0.01], abs=0.01)


def test_twins_are_the_same_weights_and_nothing_else() -> None:
    levit = Weights(tag="fb_dist_in1k", image_px=224, parameters=18.89, top1=81.506, top5=95.488)
    as_convolutions = Weights(tag="fb_dist_in1k", image_px=224, parameters=18.89, top1=81.52, top5=95.48)
    others = [
        Weights(tag="fb_in1k", image_px=224, parameters=18.89, top1=81.506, top5=95.488),
        Weights(tag="fb_dist_in1k", image_px=256, parameters=18.89, top1=81.506, top5=95.488),
        Weights(tag="fb_dist_in1k", image_px=224, parameters=19.0, top1=81.506, top5=95.488),
        Weights(tag="fb_dist_in1k", image_px=224, parameters=18.89, top1=81.6, top5=95.488),
        Weights(tag="fb_dist_in1k", image_px=224, parameters=18.89, top1=81.506, top5=95.6),
    ]
    assert twins([levit, *others, as_convolutions]).tolist() == [0, 1, 2, 3, 4, 5, 0]


def test_who_is_beaten_in_both_for_certain_is_never_on_the_front_and_a_lone_one_always() -> None:
    speed, sd, top1 = np.array([1.0, 0.0]), np.array([0.01, 0.01]), np.array([85.0, 70.0])
    assert membership(speed, sd, top1, apart(2)).tolist() == [1.0, 0.0]
    assert membership(speed[:1], sd[:1], top1[:1], apart(1)).tolist() == [1.0]
    assert membership(speed, np.zeros(2), top1, apart(2)).tolist() == [1.0, 0.0], "scripted times have no error"


def test_the_error_of_an_accuracy_is_binomial_without_what_all_have_in_common() -> None:
    assert top1_sd(np.array([80.0])) == pytest.approx([100 * math.sqrt(0.8 * 0.2 / 50_000 * 0.4)])


def test_brute_force_by_hand() -> None:
    speeds = np.array([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0], [2.0, 1.0, 3.0], [2.0, 1.0, 3.0]])
    assert drawn_shares(speeds, np.array([70.0, 80.0, 60.0]), apart(3), seed=0).tolist() == [1.0, 1.0, 0.5]
    assert on_front(np.array([1.0, 1.0, 0.5]), np.array([80.0, 80.0, 80.0])).tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("batch", "probable"),
    [
        (4, {"levit_256": 1.0, "convnext_tiny": 1.0, "efficientnet_b0": 0.151}),
        (1, {"levit_256": 1.0, "convnext_tiny": 1.0, "efficientnet_b0": 0.997}),
    ],
)
def test_of_the_committed_quickstart(batch: int, probable: dict[str, float]) -> None:
    """Told with their share; all others are under 1 %."""
    points = pd.read_csv(POINTS)
    points = points[points["batch_size"] == batch]
    speed, low, high = (points[f"throughput{end} [image/s]"].to_numpy() for end in ("", "_low", "_high"))
    floats = membership(np.log(speed), np.log(high / low) / 3.92, points["top1"].to_numpy(), apart(len(points)))
    text = dict(zip(points["model"], floats, strict=True))
    assert {name: text[name] for name in probable} == pytest.approx(probable, abs=0.03)
    assert max(share for name, share in text.items() if name not in probable) < 0.01


def test_of_1100_networks_it_is_known_in_under_a_second() -> None:
    """As many as timm publishes speeds and accuracies of, and as near to their front; time of this thread alone, the least of three."""
    draw = np.random.default_rng(0)
    speed = draw.normal(7.0, 1.2, 1100)
    top1 = 81 - 2.2 * (speed - 7.0) - draw.gamma(1.5, 1.6, 1100)
    taken: list[float] = []
    for _ in range(3):
        begun = time.thread_time()
        floats = membership(speed, np.full(1100, 0.03), top1, apart(1100))
        taken.append(time.thread_time() - begun)
    assert (floats > 0.05).sum() > 20
    assert min(taken) < 1.0
