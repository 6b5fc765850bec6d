"""What several processes say of one case: as many as the rule wants, in either order, and a line of them all."""

import math
from pathlib import Path

import pytest

from lambdabench.analysis.gate_rule import INTERIM_COUNTS
from lambdabench.core.gate_protocol import Build, Controls, Entry, Finding, PairOutcome, PairRequest, Side, UsersRequest
from lambdabench.core.spec import Case
from lambdabench.gate import check, fresh_processes, pytest_tests
from lambdabench.gate.pair_workers import ProcessAnswer
from lambdabench.gate.result import Line

from .test_settings import verdict

MANY = INTERIM_COUNTS[1]


def process(*ratios: float, faults: float = 0.0, label: str = "a") -> PairOutcome:
    """One process whose builds say so."""
    made: list[Build] = []
    for ratio in ratios:
        finding: Finding = "slower" if ratio > 1.02 else "same"
        made.append(Build(log=math.log(ratio), sd=0.002, finding=finding, wall_log=math.log(ratio)))
    text = verdict(ratios[0], "slower" if ratios[0] > 1.02 else "same")
    return PairOutcome(label=label, verdict=text, builds=tuple(made), head=Side(faults_per_call=faults))


SURE = process(1.05, 1.051, 1.049)
LOST = PairOutcome(label="a", trouble="head", reason="it ended")


def judged(first: PairOutcome, *again: PairOutcome, others: int = 0) -> Line:
    """The line of a case, beside others that are the same."""
    labels = ["a", *(f"other {number}" for number in range(others))]
    entries = [Entry(label=label, case=Case(model="test", kind="test")) for label in labels]
    even = {label: process(1.0, 1.001, label=label) for label in labels[1:]}
    return fresh_processes.lines(entries, {"a": first} | even, {"a": list(again)})[0]


def test_slower_is_what_the_rule_says_of_all_processes() -> None:
    line = judged(SURE, *[SURE] * (MANY - 1))
    assert (line.status, line.evidence) == ("slower", f"{MANY} processes")
    assert line.verdict is not None
    assert line.verdict.ratio == pytest.approx(1.05)
    assert judged(SURE).status == "unclear", "one alone does not"
    even = process(1.0, 1.001, 0.999)
    assert judged(SURE, *[even] * (MANY - 1)).status == "same"


def test_many_cases_are_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    doubtful = [process(1.02 + 0.035 * (number % 2)) for number in range(MANY - 1)]
    assert judged(process(1.04, 1.041, 1.04), *doubtful).status == "slower"
    assert judged(process(1.04, 1.041, 1.04), *doubtful, others=5000).status == "unclear"
    monkeypatch.setattr(fresh_processes, "holm", lambda p_values, alpha: [False] * len(p_values))
    line = judged(SURE, *[SURE] * (MANY - 1))
    assert (line.status, line.evidence) == ("unclear", f"{MANY} processes; not significant among all cases (Holm)")


def test_every_process_has_to_answer() -> None:
    line = judged(SURE, *[SURE] * MANY, LOST)
    assert (line.status, line.evidence) == ("unclear", f"{MANY + 2} processes; it ended")


def test_page_faults_of_some_processes_are_the_allocators() -> None:
    faulting, few = process(1.05, 1.05, 1.05, faults=21.0), process(1.05, 1.05, 1.05, faults=20.0)
    line = judged(SURE, faulting, *[SURE] * (MANY - 2))
    assert line.status == "unclear"
    assert line.evidence.endswith(
        f"page faults differ between the sides in 1 of {MANY} processes: the allocator, not the code"
    )
    assert judged(*[faulting] * MANY).status == "slower"
    assert judged(SURE, few, *[SURE] * (MANY - 2)).status == "slower"


def test_what_one_process_cannot_settle_is_asked_again_in_either_order(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[PairRequest] = []

    def ask(request: PairRequest, on_outcome: object, pool: object = None) -> ProcessAnswer:
        asked.append(request)
        return ProcessAnswer(outcomes=(SURE,), controls=None)

    monkeypatch.setattr(check, "ask", ask)
    entries = [Entry(label=name, case=Case(model=name, kind="layer")) for name in ("a", "b")]
    first = {"a": SURE, "b": process(1.0, 1.001, label="b")}
    sides = check.Sides(base=Path("base"), head=Path("head"))
    pair_outcomes = check.weigh_again(entries, first, sides, 1.0, lambda stage, entry: None)
    assert {name: len(outcomes) for name, outcomes in pair_outcomes.items()} == {"a": MANY - 1}
    assert {tuple(entry.label for entry in request.entries) for request in asked} == {("a",)}
    assert {
        (pair_request.base, pair_request.head, pair_request.fixed_s, pair_request.controls) for pair_request in asked
    } == {("base", "head", 1.0, False)}
    assert [pair_request.swapped for pair_request in asked] == [True, False] * ((MANY - 1) // 2) + [True]
    assert [number for number, pair_request in enumerate(asked, 2) if pair_request.explain] == [
        INTERIM_COUNTS[0],
        INTERIM_COUNTS[1],
    ]
    assert len({0, *(pair_request.seed for pair_request in asked)}) == MANY, "none repeats the order of the first"


def test_builds_of_two_speeds_are_asked_again_and_a_lost_process_ends_that() -> None:
    entries = [Entry(label=name, case=Case(model=name, kind="layer")) for name in ("a", "b")]
    first = {"a": process(1.055, 0.95, 1.05), "b": process(1.0, 1.001, label="b")}
    turns: list[fresh_processes.FreshProcess] = []

    def ask(turn: fresh_processes.FreshProcess) -> list[PairOutcome]:
        turns.append(turn)
        return [LOST if len(turns) == 2 else process(1.055, 0.95, 0.95)]

    outcomes = fresh_processes.weighed(entries, first, ask, cases=2)
    assert [turn.number for turn in turns] == [1, 2]
    assert len(outcomes["a"]) == 2


def test_users_tests_are_asked_again_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[UsersRequest] = []

    def session(request: UsersRequest, path: Path, on_outcome: object) -> pytest_tests.Session:
        asked.append(request)
        answered = ProcessAnswer(outcomes=(SURE,), controls=None)
        return pytest_tests.Session(declared=request.labels, answered=answered, apart="")

    monkeypatch.setattr(pytest_tests, "session", session)
    request = UsersRequest(base="base", head="head", fixed_s=1.0)
    entries = pytest_tests._entries(["a", "b"], request)
    first = {"a": SURE, "b": process(1.0, 1.001, label="b")}
    pair_outcomes = pytest_tests._weigh_again(request, entries, first, Path("tests"), lambda stage, pair_outcome: None)
    assert {name: len(outcomes) for name, outcomes in pair_outcomes.items()} == {"a": MANY - 1}
    assert {(users_request.labels, users_request.fixed_s, users_request.controls) for users_request in asked} == {
        (("a",), 1.0, False)
    }
    assert {users_request.swapped for users_request in asked} == {True, False}
    assert len({0, *(users_request.seed for users_request in asked)}) == MANY
    calm = {name: process(1.0, 1.001, label=name) for name in ("a", "b")}
    assert pytest_tests._weigh_again(request, entries, calm, Path("tests"), lambda stage, pair_outcome: None) == {}
    assert len(asked) == MANY - 1, "nothing is asked where all is settled"


def test_controls_are_asked_for_until_a_process_brings_them(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Controls(label="b", same=verdict(1.0, "same"), canary=verdict(1.1))
    brought = [None, held, None]
    asked: list[PairRequest] = []

    def ask(request: PairRequest, on_outcome: object, pool: object = None) -> ProcessAnswer:
        asked.append(request)
        return ProcessAnswer(outcomes=(PairOutcome(label=request.entries[0].label),), controls=brought[len(asked) - 1])

    monkeypatch.setattr(check, "ask", ask)
    entries = [Entry(label=name, case=Case(model=name, kind="layer")) for name in ("c", "a", "b")]
    pair_outcomes, controls = check.compare(
        entries, check.Sides(base=Path("b"), head=Path("h")), lambda stage, entry: None
    )
    assert (list(pair_outcomes), controls) == (["a", "b", "c"], held)
    assert [
        (pair_request.controls, pair_request.explain, pair_request.fixed_s, pair_request.swapped, pair_request.seed)
        for pair_request in asked
    ] == [
        (True, False, None, False, 0),
        (True, False, None, False, 0),
        (False, False, None, False, 0),
    ]
