"""A point is on the front exactly when nothing beats it in both directions."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdabench.analysis import scripted
from lambdabench.analysis.pareto import front, pareto

points = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=14)


def cases(pairs: list[tuple[float, float]], **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame(pairs, columns=["throughput", "top1"]).astype(float)
    same = {
        "batch_size": 1,
        "dtype": "float32",
        "mode": "inference",
        "device": "cpu",
        "fingerprint": "f",
        "status": "ok",
    }
    return frame.assign(**(same | columns))


@given(points)
def test_the_front_is_undominated_and_dominates_the_rest(pairs: list[tuple[int, int]]) -> None:
    frame = cases(pairs)
    on = set(front(frame, "throughput", "top1"))
    for label, (x, y) in enumerate(pairs):
        beaten = any((a >= x and b >= y) and (a > x or b > y) for a, b in pairs)
        assert (label in on) == (not beaten)


@given(points, st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(pairs: list[tuple[int, int]], seed: int) -> None:
    shuffled = cases(pairs).sample(frac=1, random_state=seed)
    assert set(front(shuffled, "throughput", "top1")) == set(front(cases(pairs), "throughput", "top1"))


def test_fronts_are_apart_per_batch_and_environment_and_holes_stay_out() -> None:
    frame = pd.concat(
        [
            cases([(1, 1), (2, 2)]),
            cases([(9, 9)], batch_size=4),
            cases([(99, 99)], status="noisy"),
            cases([(5, float("nan"))]),
        ],
        ignore_index=True,
    )
    found = pareto(frame)
    assert found["on_front"].tolist() == [False, True, True]
    assert found["membership"].isna().all()


def test_a_batch_that_was_halved_stands_with_those_that_fitted() -> None:
    fitted = cases([(900, 84.0)], batch_size=128, requested_batch_size=128, latency=128 / 900)
    halved = cases([(150, 83.0)], batch_size=64, requested_batch_size=128, latency=64 / 150)
    frame = pd.concat([fitted, halved], ignore_index=True)
    frame["normalized_latency"] = frame["latency"] * frame["requested_batch_size"] / frame["batch_size"]
    assert pareto(frame)["on_front"].tolist() == [True, False]
    found = pareto(frame, x="latency")
    assert found["latency"].tolist() == pytest.approx([128 / 900, 128 / 150])
    assert found["asked_batch_size"].tolist() == [128, 128]


@pytest.mark.parametrize("other", [{"devices": 8}, {"threads": 2}, {"param_dtype": "bfloat16"}])
def test_more_devices_and_threads_beat_nobody_who_had_fewer(other: dict[str, object]) -> None:
    one = cases([(100, 80.0)], devices=1, threads=1, param_dtype="float32")
    frame = pd.concat([one, cases([(600, 80.0)], devices=1, threads=1, param_dtype="float32").assign(**other)])
    assert pareto(frame.reset_index(drop=True))["on_front"].all()


def test_lower_latency_is_better_and_an_axis_without_direction_is_refused() -> None:
    frame = cases([(1, 1), (2, 1)]).assign(latency=[0.1, 0.2])
    assert pareto(frame, x="latency")["on_front"].tolist() == [True, False]
    with pytest.raises(ValueError, match="expected one of"):
        pareto(frame, x="colour")


def test_scripted_times_stand_beside_no_measured_ones() -> None:
    real, script = cases([(1, 1)], backend="torch_eager"), cases([(9, 9)], backend="fake")
    both = pd.concat([real, script], ignore_index=True)
    assert set(scripted.measured(both)["backend"]) == {"torch_eager"}
    assert scripted.left_out(both, real) == ("Not shown: 1 cases of the backend fake, whose times are a script.",)
    assert len(scripted.measured(script)) == 1
    assert pareto(both)["on_front"].all(), "where both are looked at, neither beats the other"
    assert scripted.measured(cases([(1, 1)])).equals(cases([(1, 1)]))
