"""What several processes say of one case: slower is what all of them say, and the least sure one decides."""

from pathlib import Path

import pytest

from lambdabench.core.pairing import Controls, Entry, PairOutcome, PairRequest, Side, UsersRequest
from lambdabench.core.spec import Case
from lambdabench.gate import check, users
from lambdabench.gate.check import judge_lines
from lambdabench.gate.processes import Answered
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


def test_suspects_are_asked_again_in_fresh_processes_made_in_either_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[PairRequest] = []

    def ask(request: PairRequest, on_outcome: object, nursery: object = None) -> Answered:
        asked.append(request)
        return Answered(outcomes=tuple(process(1e-6) for _ in request.entries), controls=None)

    monkeypatch.setattr(check, "ask", ask)
    entries = [Entry(label=one, case=Case(model=one, kind="layer")) for one in ("a", "b")]
    first = {"a": process(1e-6), "b": PairOutcome(label="b", verdict=verdict(1.0, "same"))}
    sides = check.Sides(base=Path("base"), head=Path("head"))
    found = check.confirm(entries, first, sides, 2.0, lambda stage, one: None)
    assert {name: len(outcomes) for name, outcomes in found.items()} == {"a": check.CONFIRMATIONS}
    assert [[one.label for one in request.entries] for request in asked] == [["a"], ["a"]]
    assert [(one.base, one.head, one.fixed_s, one.controls) for one in asked] == [("base", "head", 2.0, False)] * 2
    assert [(one.swapped, one.explain) for one in asked] == [(True, False), (False, True)]
    assert len({0, *(one.seed for one in asked)}) == 3, "none repeats the order of the first"


def test_users_suspects_are_asked_again_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[UsersRequest] = []

    def session(request: UsersRequest, path: Path, on_outcome: object) -> users.Session:
        asked.append(request)
        answered = Answered(outcomes=tuple(process(1e-6) for _ in request.labels), controls=None)
        return users.Session(declared=request.labels, answered=answered, apart="")

    monkeypatch.setattr(users, "session", session)
    request = UsersRequest(base="base", head="head")
    entries = users._entries(["a", "b"], request)
    first = {"a": process(1e-6), "b": PairOutcome(label="b", verdict=verdict(1.0, "same"))}
    found = users._confirm(request, entries, first, Path("tests"), 2.0, lambda stage, one: None)
    assert {name: len(outcomes) for name, outcomes in found.items()} == {"a": check.CONFIRMATIONS}
    assert [(one.labels, one.fixed_s, one.controls) for one in asked] == [(("a",), 2.0, False)] * 2
    assert [(one.swapped, one.explain) for one in asked] == [(True, False), (False, True)]
    assert len({0, *(one.seed for one in asked)}) == 3
    calm = {name: PairOutcome(label=name, verdict=verdict(1.0, "same")) for name in ("a", "b")}
    assert users._confirm(request, entries, calm, Path("tests"), 2.0, lambda stage, one: None) == {}
    assert len(asked) == 2, "nothing is asked where nothing looks slower"


def test_controls_are_asked_for_until_a_process_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Controls(label="b", same=verdict(1.0, "same"), canary=verdict(1.1))
    brought = [None, held, None]
    asked: list[PairRequest] = []

    def ask(request: PairRequest, on_outcome: object, nursery: object = None) -> Answered:
        asked.append(request)
        return Answered(outcomes=(PairOutcome(label=request.entries[0].label),), controls=brought[len(asked) - 1])

    monkeypatch.setattr(check, "ask", ask)
    entries = [Entry(label=one, case=Case(model=one, kind="layer")) for one in ("c", "a", "b")]
    found, controls = check.compare(entries, check.Sides(base=Path("b"), head=Path("h")), lambda stage, one: None)
    assert (list(found), controls) == (["a", "b", "c"], held)
    assert [(one.controls, one.explain, one.fixed_s, one.swapped, one.seed) for one in asked] == [
        (True, False, None, False, 0),
        (True, False, None, False, 0),
        (False, False, None, False, 0),
    ]
