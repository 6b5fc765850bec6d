"""Which jobs a budget takes: pairs first, every model once, cheap settings before dear ones; pure."""

from typing import Any

import pytest

from lambdabench.analysis.budget import PROCESS_START_S, pace_of, setting, within
from lambdabench.core.spec import Case, Job, Sampling

REFERENCE = (("model", "r"),)


def job(model: str, batch_size: int = 1, estimate_s: float = 10.0, replicate: int = 0, **changes: Any) -> Job:
    case = Case(model=model, batch_size=batch_size, **changes)
    name = f"{model}{batch_size}{'t' if case.mode == 'train' else ''}{'' if not replicate else f'-{replicate}'}"
    return Job(
        job_id=name, case_id=name, case=case, metrics=(), sampling=Sampling(), replicate=replicate, estimate_s=estimate_s
    )  # fmt: skip


def names(jobs: list[Job]) -> list[str]:
    return [one.job_id for one in jobs]


MANY = [
    *(job(name, 8, 90.0, mode="train") for name in "abc"),
    *(job(name, 8, 30.0) for name in "abcr"),
    *(job(name, 1, 6.0 + 2 * place) for place, name in enumerate("cbar")),
]


def test_pairs_come_first_and_all_of_them_before_anything_else() -> None:
    chosen, left_out, spent_s = within(MANY, 38.0, reference=REFERENCE)
    assert names(chosen) == ["r1", "c1", "b1"], "with the reference in its cheapest setting; the training has none"
    assert spent_s == 12 + 6 + 8 + 3 * PROCESS_START_S == 38
    assert len(chosen) + len(left_out) == len(MANY)


@pytest.mark.parametrize("budget_s", [0.0, 14.0, 20.0, 40.0, 80.0, 150.0, 1000.0])
def test_a_budget_is_kept_but_for_the_one_that_must_run(budget_s: float) -> None:
    chosen, left_out, spent_s = within(MANY, budget_s, reference=REFERENCE)
    assert spent_s <= budget_s or len(chosen) == 1
    assert sorted(names([*chosen, *left_out])) == sorted(names(MANY))
    none, _, _ = within(MANY, budget_s, reference=REFERENCE, least=0)
    assert bool(none) == (budget_s >= 12 + PROCESS_START_S or budget_s >= 6 + PROCESS_START_S)


def test_no_model_has_a_second_case_before_another_has_its_first() -> None:
    chosen, _, _ = within(MANY, 100.0, reference=REFERENCE)
    first = {one.case.model for one in chosen}
    assert first == set("abcr")


def test_a_setting_whose_reference_was_measured_before_is_one_of_pairs() -> None:
    jobs = [job("a", 1, 5.0), job("a", 8, 9.0), job("r", 64, 90.0)]
    assert names(within(jobs, 14.0, reference=REFERENCE)[0]) == ["a1"]
    kept = setting(job("r", 8).case)
    assert names(within(jobs, 14.0, reference=REFERENCE, measured=(kept,))[0]) == ["a8"]


def test_jobs_of_one_process_stay_together_and_pay_for_it_once() -> None:
    jobs = [job("a", 1), job("b", 1), job("a", 2), job("b", 2)]
    chosen, _, spent_s = within(jobs, 1000.0)
    assert names(chosen) == ["a1", "a2", "b1", "b2"]
    assert spent_s == 40 + 2 * PROCESS_START_S
    _, _, spent_s = within(jobs, 1000.0, running=("a", "torch_eager", "auto", None, 0))
    assert spent_s == 40 + PROCESS_START_S


def test_what_a_model_has_had_counts() -> None:
    jobs = [job("a", 2, 5.0), job("b", 1, 9.0)]
    assert names(within(jobs, 13.0)[0]) == ["a2"]
    assert names(within(jobs, 13.0, had={"a": 1})[0]) == ["b1"]
    running = ("a", "torch_eager", "auto", None, 0)
    assert names(within(jobs, 22.0, had={"a": 1}, running=running)[0]) == ["a2", "b1"], "saves a start"
    assert names(within([*jobs, job("c", 1, 60.0)], 22.0, had={"a": 1}, running=running)[0]) == ["b1", "a2"]


def test_a_second_process_of_a_case_comes_last() -> None:
    jobs = [job("r", 1, 1.0, replicate=1), job("r", 1, 1.0), job("a", 1, 1.0)]
    assert names(within(jobs, 12.0, reference=REFERENCE)[0]) == ["r1", "a1"]


@pytest.mark.parametrize(
    ("finished", "pace"),
    [([], 1.0), ([(10.0, 5.0)], 0.5), ([(10.0, 5.0), (10.0, 20.0), (10.0, 30.0)], 2.0), ([(10.0, 0.0)], 0.2), ([(1.0, 99.0)], 5.0)],
)  # fmt: skip
def test_a_pace_is_the_median_of_what_jobs_took_over_their_estimates(
    finished: list[tuple[float, float]], pace: float
) -> None:
    assert pace_of(finished) == pace
