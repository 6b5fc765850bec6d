"""What several processes say of one case: slower is what all of them say, and the least sure one decides."""

import pytest

from lambdabench.core.pairing import Entry, PairOutcome, Side
from lambdabench.core.spec import Case
from lambdabench.gate.check import judge_lines
from lambdabench.gate.result import Line

from .test_settings import verdict


def process(p_value: float, ratio: float = 1.05, **changes: float) -> PairOutcome:
    """One process that calls the case slower."""
    head = Side(faults_per_call=changes.get("faults", 0.0))
    return PairOutcome(label="a", verdict=verdict(ratio), p_value=p_value, head=head)


def judged(first: PairOutcome, *again: PairOutcome, others: int = 0) -> Line:
    """The line of a case, beside others that are the same."""
    labels = ["a", *(f"other {number}" for number in range(others))]
    entries = [Entry(label=one, case=Case(model="test", kind="test")) for one in labels]
    even = {one: PairOutcome(label=one, verdict=verdict(1.0, "same")) for one in labels[1:]}
    return judge_lines(entries, {"a": first} | even, {"a": list(again)})[0]


def test_slower_is_what_the_least_sure_process_says() -> None:
    sure = process(1e-6)
    assert judged(sure, sure, sure).status == "slower"
    for doubtful in ((process(0.2), sure, sure), (sure, process(0.2), sure), (sure, sure, process(0.2))):
        found = judged(*doubtful)
        assert (found.status, found.evidence) == ("unclear", "3/3 processes; the processes differ too much to be sure")
    assert judged(process(0.004), sure, sure).status == "slower"
    assert judged(process(0.004), sure, sure, others=2).status == "unclear", "one of three cases"


def test_every_process_has_to_agree_and_to_answer() -> None:
    sure = process(1e-6)
    assert judged(sure, sure, process(1e-6, 1.01)).evidence == "2/3 processes; not confirmed"
    lost = PairOutcome(label="a", trouble="head", reason="it ended")
    assert (judged(sure, sure, lost).status, judged(sure, sure, lost).evidence) == (
        "unclear",
        "2/3 processes; it ended",
    )
    assert judged(sure, sure).evidence == "2/3 processes; a process gave no answer"
    assert judged(sure).status == "unclear"
    found = judged(sure, sure, process(1e-6, 1.06))
    assert found.verdict is not None
    assert found.verdict.ratio == pytest.approx((1.05 * 1.05 * 1.06) ** (1 / 3))
    assert (found.verdict.low, found.verdict.high) == (pytest.approx(1.04), pytest.approx(1.07))


def test_page_faults_of_some_processes_are_the_allocators() -> None:
    sure, faulting = process(1e-6), process(1e-6, faults=21.0)
    found = judged(sure, faulting, sure)
    assert found.status == "unclear"
    assert found.evidence.endswith(
        "page faults differ between the sides in 1 of 3 processes: the allocator, not the code"
    )
    assert judged(faulting, faulting, faulting).status == "slower"
    assert judged(sure, process(1e-6, faults=20.0), sure).status == "slower"
