"""What moves between made-up machines whose truth is known: exact ratios, what they share, who stands beside it, who changes places."""

import math

import pandas as pd
import pytest

from lambdabench.analysis.between_machines import DOWN, Between, between_machines, machines_section, sentences
from lambdabench.analysis.compare import Pair, common, swaps
from lambdabench.analysis.page import Page as PageOf
from lambdabench.analysis.page import Ratio, data

FIRST = {"x": 100.0, "y": 50.0, "u": 40.0, "v": 30.0, "z": 300.0}
OTHER = {"x": 200.0, "y": 100.0, "u": 80.0, "v": 60.0, "z": 150.0}
WIDE = 1.2
"""By what each speed may be more or less."""
HALF = math.sqrt(2) * math.log(WIDE)
"""Half the interval of a ratio of two, on the log scale."""


def cases(machines: dict[str, dict[str, float]], **same: object) -> pd.DataFrame:
    row = {
        "kind": "model",
        "mode": "inference",
        "image_px": 224,
        "batch_size": 4,
        "options": "{}",
        "status": "ok",
        "reason": "",
        "dtype": "float32",
        "backend": "torch_eager",
        "started_at": "2026-01-01",
    }
    return pd.DataFrame(
        [
            row
            | {
                "model": model,
                "device_name": machine,
                "fingerprint": machine,
                "throughput": speed,
                "throughput_low": speed / WIDE,
                "throughput_high": speed * WIDE,
            }
            | same
            for machine, speeds in machines.items()
            for model, speed in speeds.items()
        ]
    )


def between(machines: dict[str, dict[str, float]]) -> Between:
    (result,) = between_machines(cases(machines))
    return result


def test_the_ratio_of_each_and_the_mean_of_all_are_exact() -> None:
    result = between({"a": FIRST, "b": OTHER})
    ratios = {pair.a["model"]: math.exp(pair.log_ratio) for pair in result.pairs.equal}
    assert ratios == pytest.approx({"x": 2, "y": 2, "u": 2, "v": 2, "z": 0.5})
    mean = 2**0.6
    margin = math.exp(HALF / math.sqrt(5))
    assert (result.common.value, result.common.low, result.common.high) == pytest.approx(
        (mean, mean / margin, mean * margin)
    )


def test_who_stands_beside_the_mean_by_more_than_both_intervals_is_named() -> None:
    result = between({"a": FIRST, "b": OTHER})
    (far,) = result.common.outside
    assert (far.pair.a["model"], far.ratio, far.own) == ("z", pytest.approx(0.5), pytest.approx(0.5 / 2**0.6))
    narrow = [
        Pair(a=pair.a, b=pair.b, log_ratio=pair.log_ratio, log_low=pair.log_ratio, log_high=pair.log_ratio)
        for pair in result.pairs.equal
    ]
    assert len(common(narrow).outside) == 5, "with no error at all each is beside a mean that none has"
    blind = [Pair(a=pair.a, b=pair.b, log_ratio=pair.log_ratio) for pair in result.pairs.equal]
    assert (common(blind).low, common(blind).outside) == (None, ())


def test_a_machine_on_which_two_networks_change_places_is_named() -> None:
    result = between({"a": FIRST, "b": OTHER})
    assert [(swap.better.a["model"], swap.worse.a["model"]) for swap in result.swaps] == [("z", "x")]
    text = sentences(result)[1]
    assert text == (
        "1 pair changes places on b, beyond their intervals: z at batch 4 is faster than x on a (300 to 100 image/s) and slower on b "
        "(150 to 200 image/s)."
    )
    near = between({"a": FIRST, "b": OTHER | {"z": 180.0}})
    assert near.swaps == (), "200 and 180 may be equal"
    assert sentences(near)[1] == "No two change places on b, beyond their intervals."


def test_networks_of_two_batches_or_two_shapes_of_a_layer_are_in_no_contest() -> None:
    result = between({"a": FIRST, "b": OTHER}).pairs.equal
    batches = [
        Pair(a={**pair.a, "batch_size": place}, b={**pair.b, "batch_size": place}, log_ratio=pair.log_ratio)
        for place, pair in enumerate(result)
    ]
    assert swaps(batches, "throughput") == []
    layers = [
        Pair(
            a={**pair.a, "kind": "layer", "options": f'{{"kernel":"{pair.a["model"]}","scope":{place}}}'},
            b={**pair.b, "kind": "layer"},
            log_ratio=pair.log_ratio,
        )
        for place, pair in enumerate(result)
    ]
    assert swaps(layers, "throughput") == []
    same = [Pair(a={**pair.a, "options": '{"scope":7}'}, b=pair.b, log_ratio=pair.log_ratio) for pair in layers]
    assert len(swaps(same, "throughput")) == 1


def test_a_column_a_machine_each_over_the_one_that_has_the_most() -> None:
    several = {"b": OTHER, "a": FIRST | {"w": 10.0}, "c": {"x": 50.0, "q": 1.0}}
    betweens = between_machines(cases(several))
    assert [(item.a, item.b) for item in betweens] == [("a", "b"), ("a", "c")]
    part = machines_section(betweens, lambda a, b: f"compare {a} {b}")
    rows = data(PageOf(title="t", sections=(part,)))["sections"][0]["rows"]
    by_model = {row["model"]: row for row in rows}
    assert [*by_model] == ["u", "v", "x", "y", "z", "geometric mean of all"]
    assert [column.title for column in part.table.columns[3:]] == [
        "a: image/s",
        "b: image/s",
        "c: image/s",
        "b over a",
        "c over a",
    ]
    assert by_model["x"]["c over a"]["ratio"] == pytest.approx(0.5)
    assert by_model["y"]["c over a"]["ratio"] is None, "c has it not"
    assert by_model["z"]["b over a"]["mark"] == DOWN
    assert by_model["geometric mean of all"]["c over a"]["ratio"] == pytest.approx(0.5)
    assert "No ratio: 1 on a alone." in part.legend
    assert "In what the two differ is said by compare a c." in part.legend


def test_one_machine_or_nothing_in_common_is_nothing_to_say() -> None:
    assert between_machines(cases({"a": FIRST})) == ()
    assert between_machines(cases({"a": FIRST, "b": {"other": 1.0}})) == ()
    assert between_machines(cases({"a": FIRST, "b": OTHER}).drop(columns=["throughput"])) == ()


def test_a_ratio_reads_as_a_number_with_its_interval() -> None:
    assert Ratio(value=0.5, low=0.45, high=0.55, mark=DOWN).words() == f"0.500 [0.450, 0.550] {DOWN}"
    assert Ratio().words() == "–"
