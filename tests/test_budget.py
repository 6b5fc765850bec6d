"""Which cases a budget takes: fewer processes first, pairs first, every model once, cheap settings before dear ones; pure."""

from typing import Any

import pytest

from lambdabench.core.spec import Case, Job, Sampling
from lambdabench.plan.budget import least_s, setting, within

REFERENCE = (("model", "r"),)


def job(model: str, batch_size: int = 1, open_s: float = 1.0, visit_s: float = 3.0, **changes: Any) -> Job:
    case = Case(model=model, batch_size=batch_size, **changes)
    name = f"{model}{batch_size}{'t' if case.mode == 'train' else ''}"
    return Job(
        job_id=name, case_id=name, case=case, metrics=(), sampling=Sampling(rounds=9, processes=3), open_s=open_s,
        visit_s=visit_s, estimate_s=3 * open_s + 9 * visit_s,
    )  # fmt: skip


def names(jobs: list[Job]) -> list[str]:
    return [item.job_id for item in jobs]


MANY = [
    *(job(name, 8, visit_s=30.0, mode="train") for name in "abc"),
    *(job(name, 8, visit_s=10.0) for name in "abcr"),
    *(job(name, 1, visit_s=2.0 + place) for place, name in enumerate("cbar")),
]


def test_all_of_it_where_there_is_time() -> None:
    assert within(MANY, None) == (MANY, [])
    assert within(MANY, 1e9) == (MANY, [])


@pytest.mark.parametrize(("budget_s", "processes"), [(23.9, 2), (24.0, 3), (22.0, 2), (21.9, 1), (20.0, 1)])
def test_fewer_processes_come_before_fewer_cases(budget_s: float, processes: int) -> None:
    """A case takes a second to open and three for a visit."""
    chosen, left_out = within([job("a"), job("b")], budget_s)
    assert [item.sampling.processes for item in chosen] == [processes] * 2
    assert left_out == []
    assert chosen[0].estimate_s == processes + 27


def test_pairs_come_first_and_all_of_them_before_anything_else() -> None:
    chosen, left_out = within(MANY, 16.0 + 7 + 10, reference=REFERENCE)
    assert sorted(names(chosen)) == ["b1", "c1", "r1"], (
        "with the reference in its cheapest setting; the training has none"
    )
    assert sum(map(least_s, chosen)) == 16 + 7 + 10
    assert len(chosen) + len(left_out) == len(MANY)


@pytest.mark.parametrize("budget_s", [0.0, 14.0, 20.0, 40.0, 80.0, 150.0])
def test_a_budget_is_kept_but_for_the_one_that_must_run(budget_s: float) -> None:
    chosen, left_out = within(MANY, budget_s, reference=REFERENCE)
    assert sum(map(least_s, chosen)) <= budget_s or len(chosen) == 1
    assert sorted(names([*chosen, *left_out])) == sorted(names(MANY))


def test_no_model_has_a_second_case_before_another_has_its_first() -> None:
    chosen, _ = within(MANY, 90.0, reference=REFERENCE)
    assert {item.case.model for item in chosen} == set("abcr")


def test_a_setting_whose_reference_was_measured_before_is_one_of_pairs() -> None:
    jobs = [job("a", 1), job("a", 8, visit_s=4.0), job("r", 64, visit_s=90.0)]
    assert names(within(jobs, 14.0, reference=REFERENCE)[0]) == ["a1"]
    kept = setting(job("r", 8).case)
    assert names(within(jobs, 14.0, reference=REFERENCE, measured=(kept,))[0]) == ["a8"]


def test_in_their_own_order_cases_keep_all_their_visits() -> None:
    """A case takes 30 s: three for two of them, but for the long one between."""
    jobs = [job("a"), job("b", visit_s=90.0), job("c"), job("r")]
    chosen, left_out = within(jobs, 65.0, reference=REFERENCE, ordered=True)
    assert (names(chosen), names(left_out)) == (["a1", "c1"], ["b1", "r1"])
    assert [item.sampling.processes for item in chosen] == [3, 3]
    assert names(within(jobs, 0.0, ordered=True)[0]) == ["a1"]
