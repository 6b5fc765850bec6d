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
    rows = pareto(frame)
    assert rows["on_front"].tolist() == [False, True, True]
    assert rows["membership"].isna().all()


def test_a_batch_that_was_halved_stands_with_those_that_fitted() -> None:
    fitted = cases([(900, 84.0)], batch_size=128, requested_batch_size=128, latency=128 / 900)
    halved = cases([(150, 83.0)], batch_size=64, requested_batch_size=128, latency=64 / 150)
    frame = pd.concat([fitted, halved], ignore_index=True)
    frame["normalized_latency"] = frame["latency"] * frame["requested_batch_size"] / frame["batch_size"]
    assert pareto(frame)["on_front"].tolist() == [True, False]
    rows = pareto(frame, x="latency")
    assert rows["latency"].tolist() == pytest.approx([128 / 900, 128 / 150])
    assert rows["asked_batch_size"].tolist() == [128, 128]


@pytest.mark.parametrize("other", [{"devices": 8}, {"threads": 2}, {"param_dtype": "bfloat16"}])
def test_more_devices_and_threads_beat_nobody_who_had_fewer(other: dict[str, object]) -> None:
    rows = cases([(100, 80.0)], devices=1, threads=1, param_dtype="float32")
    frame = pd.concat([rows, cases([(600, 80.0)], devices=1, threads=1, param_dtype="float32").assign(**other)])
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


@pytest.mark.parametrize(("top5", "on_front"), [(95.466, [True, False]), (95.56, [True, True]), (None, [True, False])])
def test_the_same_weights_under_two_names_stand_on_the_front_once(top5: float | None, on_front: list[bool]) -> None:
    """One image in 50,000 puts nobody on it: the slower of the two has the accuracy of the faster. Another top-5 is of other weights."""
    pair = cases([(100.0, 81.506), (90.0, 81.508)], top1_tag="fb_dist_in1k", image_px=224, parameters=18.89e6)
    named = pair.assign(
        model=["levit_256", "levit_conv_256"],
        top1_top5=[95.466, top5],
        throughput_low=[99.0, 89.0],
        throughput_high=[101.0, 91.0],
    )
    rows = pareto(named)
    assert rows["on_front"].tolist() == on_front
    assert (rows["membership"].iloc[1] < 0.001) != on_front[1]
    assert pareto(named.assign(image_px=[224, 256]))["on_front"].all()
    assert pareto(named.assign(parameters=[18.89e6, 19e6]))["on_front"].all()


def test_folding_makes_no_other_weights_and_an_option_of_the_network_does() -> None:
    """A folded network has fewer parameters; of two networks even equal accuracies have errors of their own."""
    pair = cases([(100.0, 78.5), (90.0, 78.5)], model="resnet50_clll", top1_tag="paper_90_epochs", image_px=224)
    pair = pair.assign(throughput_low=[99.0, 89.0], throughput_high=[101.0, 91.0], parameters=[2e7, 1.9e7])
    same = pareto(pair.assign(options=['{"fold":true}', "{}"]), across=("fold",))
    assert same["membership"].iloc[1] < 0.001
    other = pareto(pair.assign(options=['{"scope":15}', '{"scope":31}']))
    assert other["membership"].iloc[1] == pytest.approx(0.5, abs=0.05)
