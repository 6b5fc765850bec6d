"""The process taken in one network at a time says what the textbook's formulas say of all at once."""

import numpy as np
import pytest
from scipy import stats

from lambdabench.analysis import speed_model
from lambdabench.analysis.speed_model import Networks, Process, family_of, networks


def made(count: int = 40, tables: int = 3, seed: int = 0) -> tuple[Networks, np.ndarray]:
    """Networks of made-up tables, and the logarithms of their speeds on one more device."""
    draw = np.random.default_rng(seed)
    counts = np.exp(draw.normal(2.0, 1.0, (count, 4)))
    base = -0.8 * np.log(counts[:, 1]) + draw.normal(0.0, 0.2, count)
    logs = np.column_stack([base + 5 + draw.normal(0.0, 0.1, count) for _ in range(tables)])
    names = [f"{'abcd'[place % 4]}net{place // 2}" for place in range(count)]
    return networks(names, counts, logs), base + 3 + draw.normal(0.0, 0.1, count)


def covariance(of: Networks) -> np.ndarray:
    """As the kernel is written down, pair by pair."""
    count, result = len(of.mean), np.zeros((len(of.mean), len(of.mean)))
    for number in range(count):
        for other in range(count):
            far = np.sum((of.shape[number] - of.shape[other]) ** 2) / (2 * speed_model.LENGTH**2 * of.shape.shape[1])
            result[number, other] = (
                speed_model.LEVEL_SD**2
                + speed_model.LINEAR_SD**2 * np.dot(of.linear[number], of.linear[other])
                + speed_model.SHAPE_SD**2 * np.exp(-far)
                + speed_model.FAMILY_SD**2 * (of.family[number] == of.family[other])
                + speed_model.SIZES_SD**2 * (of.architecture[number] == of.architecture[other])
                + speed_model.OWN_SD**2 * (number == other)
            )
    return result


def test_it_is_the_posterior_of_all_at_once() -> None:
    of, truth = made()
    known, whole, process = [3, 17, 25, 8, 30], covariance(of), Process(of)
    for number in known:
        process.take(number)
    foreseen = process.foresee({value: float(truth[value]) for value in known})
    rest = truth[known] - of.mean[known]
    away = rest - np.median(rest)
    inverse = np.linalg.inv(whole[np.ix_(known, known)])
    scale = max(0.5, (4 + away @ inverse @ away) / (4 + len(known)))
    for number in [place for place in range(len(truth)) if place not in known]:
        row = whole[number, known]
        assert foreseen.middle[number] == pytest.approx(of.mean[number] + np.median(rest) + row @ inverse @ away)
        assert foreseen.scale[number] ** 2 == pytest.approx(scale * (whole[number, number] - row @ inverse @ row))


def test_chances_are_students() -> None:
    of, truth = made()
    process = Process(of)
    process.take(0)
    foreseen = process.foresee({0: float(truth[0])})
    limits = foreseen.middle + np.linspace(-2, 2, len(truth)) * foreseen.scale
    assert foreseen.above(limits) == pytest.approx(stats.t.sf(np.linspace(-2, 2, len(truth)), 4))
    assert (foreseen.above(np.full(len(truth), -np.inf)) == 1).all()


def test_the_least_known_are_those_that_shrink_what_is_not_known_and_are_forgotten_again() -> None:
    of, truth = made()
    process = Process(of)
    process.take(0)
    before = process.foresee({0: float(truth[0])})
    chosen = process.widest(range(1, 40), 5)
    assert len(set(chosen)) == 5
    assert chosen[0] == 1 + int(np.argmax(before.scale[1:]))
    after = process.foresee({0: float(truth[0])})
    assert (after.middle, after.scale) == (pytest.approx(before.middle), pytest.approx(before.scale))
    with pytest.raises(ValueError, match="network 0 is known already"):
        process.take(0)


def test_what_no_table_has_is_told_by_its_counts() -> None:
    counts = np.exp(np.random.default_rng(0).normal(2.0, 1.0, (30, 4)))
    logs = (7 - np.log(counts[:, 1]))[:, None] * np.ones((1, 2))
    logs[4] = np.nan
    logs[5, 0] = np.nan
    counts[6, 2] = np.nan
    result = networks(["a"] * 30, counts, logs)
    assert np.isfinite(result.shape).all()
    assert np.isfinite(result.linear).all()
    assert result.mean[4] - result.mean[0] == pytest.approx(np.log(counts[0, 1] / counts[4, 1]), abs=0.05)


@pytest.mark.parametrize(
    ("name", "family"),
    [("resnet50d", "resnet"), ("tf_efficientnet_b0", "efficientnet"), ("vit_small_patch16_224", "vit"), ("x", "x")],
)
def test_families_are_the_first_letters(name: str, family: str) -> None:
    assert family_of(name) == family
