"""Why something is slower: only what differs between the sides is told."""

import dataclasses

import pytest

from lambdabench.core.gate_protocol import Operator, PairOutcome, Side
from lambdabench.gate import explain

BASE = Side(
    call_s=1e-3, faults_per_call=3.0, kernel="cpu", allocations_per_call=4.0, instructions_per_call=1e6,
    operators=(Operator(name="bmm", self_s=1e-3, calls=1.0),),
)  # fmt: skip
SLOW = dataclasses.replace(BASE, call_s=1.1e-3)


def told(base: Side = BASE, head: Side = SLOW, **changes: object) -> tuple[str, ...]:
    return explain.long(PairOutcome(label="a", base=base, head=dataclasses.replace(head, **changes)))  # pyright: ignore[reportArgumentType]


def test_nothing_is_told_where_nothing_differs() -> None:
    assert told() == ()
    assert told(faults_per_call=3.4, instructions_per_call=1.0004e6) == ()
    assert explain.short(PairOutcome(label="a", base=BASE, head=SLOW)) == []
    assert told(Side(), Side()) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kernel": "portable"}, "kernel cpu→portable"),
        ({"kernel": ""}, "kernel cpu→?"),
        ({"allocations_per_call": 9.0}, "allocations 4→9 a call"),
        ({"allocations_per_call": 3.0}, "allocations 4→3 a call"),
        ({"faults_per_call": 24.0}, "page faults 3→24 a call"),
        ({"faults_per_call": 8.0}, "page faults 3→8 a call"),
        ({"instructions_per_call": 1.002e6}, "instructions +0.2%"),
        ({"operators": (Operator(name="bmm", self_s=1.1e-3, calls=2.0),)}, "bmm 1.00→1.10 ms (1→2 a call)"),
    ],
)
def test_what_differs_is_told_alone(changes: dict[str, object], said: str) -> None:
    assert told(**changes) == (said,)


def test_a_share_of_the_slowdown_is_what_counts() -> None:
    large = dataclasses.replace(SLOW, call_s=2e-3)
    assert told(head=large, faults_per_call=8.0) == (), "11 us of a millisecond"
    assert explain.short(PairOutcome(label="a", base=BASE, head=dataclasses.replace(SLOW, faults_per_call=24.0))) == [
        "faults/call 3→24"
    ]


def test_of_operators_the_worst_three_are_named() -> None:
    names = ("a", "b", "c", "d", "tiny")
    base = tuple(Operator(name=name, self_s=1e-3, calls=1.0) for name in names)
    grown = tuple(
        Operator(name=name, self_s=1e-3 * (1 + more), calls=1.0)
        for name, more in zip(names, (0.2, 0.5, 0.4, 0.3, 0.05), strict=True)
    )
    (line,) = told(dataclasses.replace(BASE, operators=base), dataclasses.replace(SLOW, operators=grown))
    assert [name.split()[0] for name in line.split(" · ")] == ["b", "c", "d"]


def test_an_operator_that_base_has_not_and_one_that_became_faster() -> None:
    more = (Operator(name="copy", self_s=3e-4, calls=2.0), Operator(name="bmm", self_s=0.9e-3, calls=1.0))
    assert told(operators=more) == ("copy 0.00→0.30 ms (0→2 a call)",)
    assert told(faults_per_call=0.0) == (), "fewer page faults slow nothing down"
    assert told(faults_per_call=3.5) == (), "half a page fault"
    swapped = PairOutcome(label="a", base=BASE, head=dataclasses.replace(SLOW, kernel="portable"))
    assert explain.short(swapped) == ["kernel cpu→portable"]
