"""What a run can tell: from rows of visits to figures, ratios, a control, ties, and whether anything is ranked."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lambdabench.analysis.resolution import Resolution, mark, phrase, resolution
from lambdabench.analysis.visit_tables import PASSPORT, against, fits, told

MODELS = {"resnet50": 1.0, "vit_a": 0.5, "vit_b": 0.5, "other": 2.0}
"""Seconds a step; the second and third are one architecture."""


def rows(
    seed: int = 0, *, scatter: float = 0.01, common: float = 0.0, twin: float = 1.0, only: Any = MODELS
) -> pd.DataFrame:
    """Latency of one run: three processes of three visits each. `common`: what rounds share; `twin`: how far the pair is apart."""
    random = np.random.default_rng(seed)
    shared = np.exp(common * random.standard_normal(10))
    result: list[dict[str, Any]] = []
    for number, model in enumerate(MODELS):
        if model not in only:
            continue
        for replicate in range(3):
            numbers = [3 * replicate + place + 1 for place in range(3)]
            noise = np.exp(scatter * random.standard_normal(3))
            value = MODELS[model] * (twin if model == "vit_b" else 1.0)
            result.append(
                {
                    "case_id": f"{number:012d}",
                    "model": model,
                    "metric": "latency",
                    "status": "ok",
                    "run_id": "20261129T000000Z-aaaa",
                    "replicate": replicate,
                    "visit_round": numbers,
                    "visit_values": [
                        float(value * shared[number] * other) for number, other in zip(numbers, noise, strict=True)
                    ],
                    **dict.fromkeys(PASSPORT),
                }
            )
    return pd.DataFrame(result)


def cases(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a case, as the wide table has them."""
    first = frame.drop_duplicates("case_id")
    return pd.DataFrame(
        {
            "case_id": first["case_id"],
            "model": first["model"],
            "status": "ok",
            "batch_size": 1,
            "fingerprint": "f",
            "options": "{}",
            "latency": [
                float(np.median(np.concatenate(list(frame.loc[frame["case_id"] == item, "visit_values"]))))
                for item in first["case_id"]
            ],
        }
    ).reset_index(drop=True)


def resolved(frame: pd.DataFrame, factor: float = 1.25) -> Resolution:
    return resolution(frame, cases(frame), reference="resnet50", control=("vit_a", "vit_b"), factor=factor)


def test_a_figure_is_that_of_all_visits_with_an_interval_between_processes() -> None:
    frame = rows().assign(case=0, machine=0)
    item = told(frame[frame["model"] == "vit_a"])[0, "latency"]
    assert item.estimate.value == pytest.approx(0.5, rel=0.02)
    assert item.estimate.low < 0.5 < item.estimate.high
    assert (item.estimate.samples, item.estimate.processes, item.estimate.covers) == (9, 3, "between processes")


def test_what_rounds_share_widens_figures_and_no_ratio() -> None:
    """All cases half as fast again in some rounds."""
    quiet, shared = rows(), rows(common=0.3)
    wide = [told(frame.assign(case=frame["case_id"].astype(int), machine=0))[1, "latency"] for frame in (quiet, shared)]
    margin = [item.estimate.high / item.estimate.low for item in wide]
    assert margin[1] > 1.2 > 1.05 > margin[0]
    assert wide[1].sd < 0.03, "beside the other cases it is known"
    ratios = [against(list(fits(frame.assign(case=frame["model"]))), "vit_a", "resnet50") for frame in (quiet, shared)]
    for ratio in ratios:
        assert ratio is not None
        assert ratio.low < 0.5 < ratio.high
        assert ratio.high / ratio.low < 1.06


def test_cases_that_no_round_holds_together_are_held_against_each_other_by_their_own_figures() -> None:
    early, late = rows(only=("vit_a",)), rows(only=("resnet50",)).assign(run_id="20261130T000000Z-bbbb")
    result = list(fits(pd.concat([early, late]).assign(case=lambda frame: frame["model"])))
    assert len(result) == 2
    ratio = against(result, "vit_a", "resnet50")
    assert ratio is not None
    assert ratio.low < 0.5 < ratio.high


def test_a_good_run_says_how_well_it_tells_ratios_and_ranks() -> None:
    result = resolved(rows())
    assert result.problem == ""
    assert result.margin is not None
    assert 1.001 < result.margin < 1.05
    assert phrase(result).startswith("ratios to ")
    (control,) = result.controls
    assert control.ratio.low < 1 < control.ratio.high
    assert result.ties == (("000000000001", "000000000002"),) or result.ties == (("000000000002", "000000000001"),)


def test_a_control_that_is_off_voids_the_run() -> None:
    result = resolved(rows(twin=1.1))
    assert result.controls[0].is_off
    assert result.problem.startswith("the control pair, one architecture under two names, is 0.9")
    assert "and not 1" in result.problem
    assert not resolved(rows(twin=1.005, scatter=1e-4)).controls[0].is_off, "nobody claims so little"


def test_good_runs_are_seldom_void() -> None:
    assert sum(resolved(rows(seed)).controls[0].is_off for seed in range(150)) <= 6


def test_a_run_that_cannot_tell_a_factor_ranks_nothing() -> None:
    result = resolved(rows(scatter=0.5))
    assert result.margin is not None
    assert result.margin > 1.25
    assert "1.25 must be told to rank anything" in result.problem
    assert resolved(rows(scatter=0.5), factor=50.0).problem == ""


def test_a_machine_that_becomes_slower_is_told_by_its_reference() -> None:
    frame = rows(scatter=0.001)
    slower = [
        [value * (1 + 0.04 * number) for value, number in zip(item, numbers, strict=True)]
        for item, numbers in zip(frame["visit_values"], frame["visit_round"], strict=True)
    ]
    result = resolved(frame.assign(visit_values=slower))
    assert result.drift == pytest.approx(1.17, abs=0.03)
    assert result.problem == "", "all of them became slower"


def test_rows_without_visits_tell_nothing() -> None:
    frame = rows().assign(visit_round=None)
    assert resolved(frame) == Resolution()
    assert resolved(rows().assign(status="noisy")) == Resolution()


@pytest.mark.parametrize(("share", "said"), [(1.0, "●"), (0.951, "●"), (0.62, "◐ 62 %"), (0.05, "◐ 5 %"), (0.049, "·")])
def test_marks_of_the_front(share: float, said: str) -> None:
    assert mark(share) == said
