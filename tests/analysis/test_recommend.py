"""The best model under limits: sure and likely, the pick, what was ruled out by what, what would change it."""

import pandas as pd
import pytest

from lambdabench.analysis.recommend import Bound, Word, candidates, default_objective, of_one_test, recommend

MODELS = {
    # model: (top-1, seconds, half its interval, images a second, licence)
    "slow_best": (85.0, 0.040, 0.001, 100.0, "mit"),
    "middle": (82.0, 0.024, 0.002, 300.0, "mit"),
    "twin": (81.9, 0.0241, 0.002, 299.0, "mit"),
    "fast": (78.0, 0.010, 0.0005, 900.0, "cc-by-nc-4.0"),
    "beaten": (77.0, 0.020, 0.001, 200.0, "mit"),
    "unlicensed": (83.0, 0.020, 0.001, 250.0, ""),
}


def cases() -> pd.DataFrame:
    rows = []
    for model, (top1, seconds, half, rate, licence) in MODELS.items():
        for batch in (1, 8):
            rows.append(
                {
                    "model": model,
                    "image_px": 224,
                    "batch_size": batch,
                    "requested_batch_size": batch,
                    "status": "ok",
                    "options": "{}",
                    "top1": top1,
                    "top1_tag": "a",
                    "top1_licence": licence,
                    "latency": seconds * batch,
                    "latency_low": (seconds - half) * batch,
                    "latency_high": (seconds + half) * batch,
                    "throughput": rate * (1 + batch / 8),
                    "case_id": f"{model}-{batch}",
                }
            )
    return pd.DataFrame(rows)


LATENCY = Bound(flag="--max-latency", metric="latency", value=0.025)
MIT = Word(flag="--license", column="top1_licence", allowed=frozenset({"mit"}))


def test_latency_is_of_the_smallest_batch_and_throughput_of_the_largest() -> None:
    result = {candidate.line["model"]: candidate for candidate in candidates(cases())}
    assert len(result) == len(MODELS)
    assert result["fast"].known["latency"].value == pytest.approx(0.010)
    assert result["fast"].known["throughput"].value == pytest.approx(1800.0)
    assert result["fast"].batches == (1, 8)
    (item, *_) = candidates(cases(), batch_size=8)
    assert item.batches == (8, 8)


def test_under_limits_on_cost_the_most_accurate_is_picked_and_the_front_of_speed_follows() -> None:
    recommendation = recommend(candidates(cases()), [LATENCY], [], "accuracy")
    assert [pick.line["model"] for pick in recommendation.picks] == ["unlicensed", "fast"]
    assert recommendation.fits == ("sure", "sure")
    (out,) = recommendation.ruled_out
    assert (out.count, out.unknown) == (1, 0)
    assert out.nearest is not None
    assert out.nearest.line["model"] == "slow_best"
    assert out.miss == pytest.approx(0.040 / 0.025)


def test_a_limit_within_an_interval_is_met_likely_and_not_surely() -> None:
    recommendation = recommend(candidates(cases()), [LATENCY], [MIT], "accuracy")
    assert recommendation.picks[0].line["model"] == "middle"
    assert recommendation.fits[0] == "likely", "its interval ends at 26 ms"
    ruled = {ruled.flag: ruled for ruled in recommendation.ruled_out}
    assert (ruled["--license"].count, ruled["--license"].unknown) == (2, 1), "no licence is no permission"


def test_what_would_change_the_pick_is_the_nearest_that_one_limit_keeps_out() -> None:
    recommendation = recommend(candidates(cases()), [LATENCY], [MIT], "accuracy")
    (change,) = recommendation.changes
    assert (change.flag, change.candidate.line["model"]) == ("--max-latency", "slow_best")
    assert change.value == pytest.approx(0.040)


def test_nothing_is_picked_where_nothing_is_feasible() -> None:
    recommendation = recommend(
        candidates(cases()), [Bound(flag="--min-top1", metric="top1", value=90.0)], [], "latency"
    )
    assert recommendation.picks == ()
    assert recommendation.ruled_out[0].nearest is not None
    assert recommendation.ruled_out[0].nearest.line["model"] == "slow_best"


def test_an_unknown_number_meets_no_limit() -> None:
    silent = cases().assign(peak_memory=None)
    recommendation = recommend(
        candidates(silent), [Bound(flag="--max-memory", metric="peak_memory", value=1e9)], [], "accuracy"
    )
    assert recommendation.picks == ()
    assert (recommendation.ruled_out[0].count, recommendation.ruled_out[0].unknown) == (len(MODELS), len(MODELS))
    assert recommendation.ruled_out[0].nearest is None


def test_of_several_weights_the_most_accurate_that_is_allowed_counts() -> None:
    other = cases().assign(top1=lambda frame: frame["top1"] + 1, top1_tag="b", top1_licence="cc-by-nc-4.0")
    both = pd.concat([cases(), other], ignore_index=True)
    recommendation = recommend(candidates(both), [], [MIT], "accuracy")
    assert recommendation.picks[0].name == "slow_best.a"
    assert recommendation.candidates == len(MODELS)
    assert recommend(candidates(both), [], [], "accuracy").picks[0].name == "slow_best.b"


def test_what_is_wanted_follows_from_what_is_limited() -> None:
    assert default_objective([LATENCY]) == "accuracy"
    assert default_objective([Bound(flag="--min-top1", metric="top1", value=80.0)]) == "throughput"
    assert default_objective([LATENCY, Bound(flag="--min-top1", metric="top1", value=80.0)]) == "latency"
    assert default_objective([]) == "throughput"


def test_accuracies_on_other_images_are_not_held_against_imagenets() -> None:
    digits = cases().assign(top1=99.0, top1_on="scikit-learn's digits", model="digits_conv_s")
    both = pd.concat([cases().assign(top1_on=""), digits], ignore_index=True)
    assert set(of_one_test(both)["model"]) == set(MODELS)
    assert len(of_one_test(digits)) == len(digits)
    assert len(of_one_test(cases())) == len(cases())


def test_one_case_on_two_machines_is_two_candidates_with_identities_of_their_own() -> None:
    mine = cases().assign(device_name="a", fingerprint="f1")
    both = pd.concat([mine, mine.assign(device_name="b", fingerprint="f2")], ignore_index=True)
    result = candidates(both)
    assert len(result) == 2 * len(MODELS)
    assert len({candidate.ids["latency"] for candidate in result}) == 2 * len(MODELS)


def test_of_two_environments_of_a_machine_the_newer_counts() -> None:
    older = cases().assign(device_name="a", fingerprint="f1", started_at="2026-01-01")
    newer = older.assign(fingerprint="f2", started_at="2026-01-02", throughput=1.0)
    result = candidates(pd.concat([newer, older], ignore_index=True))
    assert len(result) == len(MODELS)
    assert {candidate.known["throughput"].value for candidate in result} == {1.0}


def test_a_number_without_an_interval_is_likely_at_best() -> None:
    bare = cases().assign(latency_low=None, latency_high=None)
    assert set(recommend(candidates(bare), [LATENCY], [], "accuracy").fits) == {"likely"}
    gib = cases().assign(peak_memory=1.0, peak_memory_least=0.9, peak_memory_most=1.2)
    within = Bound(flag="--max-memory", metric="peak_memory", value=1.1)
    assert set(recommend(candidates(gib), [within], [], "accuracy").fits) == {"likely"}, "a process took more"
