"""Nodes of a kind beside each other, and cases of different nodes joined by what all of them measured."""

import math
import random

import pytest

from lambdabench.analysis.equal_nodes import Reading, judge_kind, judge_kinds, pool

ERROR = 0.01


def readings(effects: dict[str, float], own: dict[str, str] | None = None, seed: int = 0) -> list[Reading]:
    """Each node measures "reference" and "control", and its own case, in times exp(effect)."""
    drawn = random.Random(seed)
    result: list[Reading] = []
    for node, effect in effects.items():
        for case in ("reference", "control", *([own[node]] if own and node in own else [])):
            value = math.exp(effect + drawn.gauss(0, ERROR))
            margin = math.exp(1.96 * ERROR)
            result.append(
                Reading(kind="l4", node=node, case=case, value=value, low=value / margin, high=value * margin)
            )
    return result


def test_a_node_that_lies_is_named_and_not_pooled() -> None:
    effects = {"n1": 0.0, "n2": 0.01, "n3": -0.01, "n4": math.log(1.5)}
    finding = judge_kind(readings(effects, {"n4": "mine", "n1": "theirs"}))
    assert [node.node for node in finding.nodes if node.finding == "differs"] == ["n4"]
    assert next(node.ratio for node in finding.nodes if node.node == "n4") == pytest.approx(1.5, rel=0.05)
    assert finding.pooled == ("n1", "n2", "n3")
    assert finding.left_out == ("mine",)
    assert finding.estimates["reference"][1] == 3


def test_of_two_nodes_that_differ_neither_is_pooled() -> None:
    finding = judge_kind(readings({"n1": 0.0, "n2": math.log(1.5)}))
    assert "nobody can tell which of them are right" in finding.problem
    assert not finding.estimates


def test_one_node_says_nothing_of_its_kind() -> None:
    finding = judge_kind(readings({"n1": 0.0}))
    assert (finding.spread, finding.nodes[0].finding, finding.nodes[0].ratio) == (None, "alone", None)
    assert finding.estimates["reference"][0].covers == "between nodes"


def test_a_case_of_a_slow_node_is_put_onto_the_mean_of_its_kind() -> None:
    effects = {"n1": 0.06, "n2": 0.0, "n3": -0.06}
    finding = judge_kind(readings(effects, {"n1": "mine"}))
    estimate, nodes = finding.estimates["mine"]
    assert nodes == 1
    assert estimate.value == pytest.approx(1.0, rel=0.03), "and not 1.06, as on that node"


def test_intervals_hold_the_mean_of_the_kind() -> None:
    drawn, held, count = random.Random(3), 0, 0
    for seed in range(300):
        effects = {f"n{number}": drawn.gauss(0, 0.02) for number in range(5)}
        finding = judge_kind(readings(effects, {"n0": "mine"}, seed))
        for case in ("reference", "mine"):
            estimate = finding.estimates[case][0]
            held += estimate.low <= 1 <= estimate.high
            count += 1
    assert 0.92 < held / count < 0.985


def test_kinds_are_never_mixed() -> None:
    other = Reading(kind="a100", node="m1", case="reference", value=0.5)
    assert [finding.kind for finding in judge_kinds([*readings({"n1": 0.0, "n2": 0.0}), other])] == ["a100", "l4"]


def test_equal_nodes_are_pooled_as_where_one_that_differs_was_left_out() -> None:
    effects = {"n1": 0.0, "n2": 0.01, "n3": -0.01}
    own = {"n1": "theirs", "n2": "mine"}
    alone = pool(readings(effects, own))
    judged = judge_kind([*readings(effects, own), *readings({"n4": math.log(1.5)}, {"n4": "last"})])
    assert {case: item[0].value for case, item in judged.estimates.items()} == pytest.approx(
        {case: item[0].value for case, item in alone.estimates.items()}
    )
    assert judged.left_out == ("last",)
    mine, reference = alone.estimates["mine"][0], alone.estimates["reference"][0]
    assert alone.log_sds["mine"] > alone.log_sds["reference"], "of one node, and not of three"
    assert math.log(mine.high / mine.low) > math.log(reference.high / reference.low)
