"""Top-1, top-5 and agreement against counts made another way, with Wilson's interval as scipy has it."""

import numpy as np
import pytest
from scipy import stats

from lambdabench.analysis.sample_statistics import complete
from lambdabench.core.evaluation import Judged
from lambdabench.metrics import agreement, top1, top5

RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(0, 10, 200)
LOGITS = RANDOM.standard_normal((200, 10)) + 2.0 * np.eye(10)[LABELS]
ORDER = np.argsort(-LOGITS, axis=1)[:, :5]
OTHER = RANDOM.integers(0, 10, 200)
JUDGED = Judged(
    labels=tuple(LABELS.tolist()),
    likeliest=tuple(map(tuple, ORDER.tolist())),
    classes=10,
    reference=tuple(OTHER.tolist()),
)


@pytest.mark.parametrize(
    ("metric", "right"),
    [
        (top1, int((LOGITS.argmax(1) == LABELS).sum())),
        (top5, int(sum((row > row[label]).sum() < 5 for row, label in zip(LOGITS, LABELS, strict=True)))),
        (agreement, int((LOGITS.argmax(1) == OTHER).sum())),
    ],
)
def test_a_share_has_its_wilson_interval(metric: object, right: int) -> None:
    measurement = complete(metric.answer(JUDGED))  # pyright: ignore[reportAttributeAccessIssue]
    expected = stats.binomtest(right, 200).proportion_ci(0.95, method="wilson")
    assert 0 < right < 200
    assert measurement.unit == "%"
    assert (measurement.value, measurement.low, measurement.high) == pytest.approx(
        (right / 2, 100 * expected.low, 100 * expected.high), abs=1e-9
    )
    assert (measurement.loops_per_sample, len(measurement.samples)) == (200, 1)
    assert measurement.origin == "measured"


def test_all_right_and_all_wrong_have_one_sided_intervals() -> None:
    for likeliest, value in (((1, 0), 100.0), ((0, 1), 0.0)):
        measured = top1.answer(Judged(labels=(1,) * 50, likeliest=(likeliest,) * 50, classes=2))
        assert measured is not None
        measurement = complete(measured)
        assert measurement.value == value
        assert measurement.low is not None
        assert measurement.high is not None
        assert (measurement.low, measurement.high) == pytest.approx((92.865, 100) if value else (0, 7.135), abs=0.001)


def test_what_says_nothing_has_no_row() -> None:
    few = Judged(labels=(0, 1), likeliest=((0, 1, 2, 3, 4), (1, 0, 2, 3, 4)), classes=5)
    assert top5.answer(few) is None
    assert agreement.answer(few) is None
    assert top1.answer(few) is not None
