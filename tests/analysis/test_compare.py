"""What moved between two made-up sides whose truth is known, and who makes no pair. Figures of real ones: test_published_tables.py."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lambdabench.analysis.compare import Pair, Pairs, apart, median_interval_of, pairs, rows_of, shared_how, shift
from lambdabench.core.errors import LambdabenchError

ROW = {
    "kind": "model",
    "mode": "inference",
    "image_px": 224,
    "batch_size": 4,
    "options": "{}",
    "status": "ok",
    "reason": "",
    "dtype": "float32",
    "layout": "contiguous",
    "threads": 2,
    "started_at": "2026-01-01",
    "throughput": 100.0,
}


def side(*rows: dict[str, Any], **same: Any) -> pd.DataFrame:
    return pd.DataFrame([ROW | same | row for row in rows])


def paired(a: pd.DataFrame, b: pd.DataFrame) -> Pairs:
    return pairs(rows_of(a), rows_of(b), "throughput")


def many(seed: int, count: int = 40, sd: float = 0.02) -> np.ndarray:
    return 100 * np.exp(np.random.default_rng(seed).normal(0, sd, count))


def test_what_all_share_is_no_change_of_any() -> None:
    names = [{"model": f"net{place}_{chr(97 + place % 26)}"} for place in range(40)]
    a = side(*(item | {"throughput": speed} for item, speed in zip(names, many(0), strict=True)))
    b = a.assign(throughput=a["throughput"] * 2)
    b.loc[7, "throughput"] *= 0.5
    text = shift(paired(a, b).equal, {})
    assert (text.value, text.spread) == pytest.approx((2.0, 0.0))
    assert [(moved.pair.a["model"], round(moved.own, 6)) for moved in text.moved] == [("net7_h", 0.5)]


def test_a_family_stands_out_where_none_of_its_networks_does() -> None:
    a = side(*({"model": f"other{number}", "throughput": speed} for number, speed in enumerate(many(1, 60))))
    b = a.assign(throughput=many(2, 60))
    for place, name in zip((3, 4, 5, 6), ("slow_a", "slow_b", "slow_c", "slow_d"), strict=True):
        for rows in (a, b):
            rows.loc[place, ["model", "throughput"]] = [name, 100.0]
        b.loc[place, "throughput"] = 92.0
    text = shift(paired(a, b).equal, {})
    assert text.moved == ()
    assert [(family.name, family.models, family.pairs) for family in text.families] == [("slow", 4, 4)]
    assert text.families[0].own == pytest.approx(0.92, abs=0.01)
    two = [pair for pair in paired(a, b).equal if pair.a["model"] not in ("slow_a", "slow_b")]
    assert shift(two, {}).families == (), "two networks are no family"
    sizes = [Pair(a=pair.a | {"model": "slow_a"}, b=pair.b, log_ratio=pair.log_ratio) for pair in two]
    assert shift(sizes, {}).families == (), "one network at many sizes is none either"


def test_who_has_an_interval_that_holds_the_shift_has_not_moved() -> None:
    names = [{"model": f"net{place}"} for place in range(12)]
    a = side(*names, throughput_low=99.0, throughput_high=101.0)
    b = side(*names, throughput=100.0, throughput_low=99.0, throughput_high=101.0)
    b.loc[[0, 1], "throughput"] = 60.0
    b.loc[0, ["throughput_low", "throughput_high"]] = [59.0, 61.0]
    b.loc[1, ["throughput_low", "throughput_high"]] = [30.0, 120.0]
    text = shift(paired(a, b).equal, {})
    assert [moved.pair.a["model"] for moved in text.moved] == ["net0"]
    assert text.held == 1


@pytest.mark.parametrize("count", [6, 7, 25, 200])
def test_the_interval_of_the_shift_holds_the_truth(count: int) -> None:
    random = np.random.default_rng(count)
    inside = 0
    for _ in range(400):
        values = median_interval_of(random.standard_t(3, count))
        assert values is not None
        inside += values[0] <= 0 <= values[1]
    assert inside / 400 > 0.93
    assert median_interval_of(random.standard_normal(5)) is None


def test_counts_of_what_makes_no_pair() -> None:
    a = side(
        {"model": "both", "batch_size": 1},
        {"model": "both", "batch_size": 4},
        {"model": "both", "batch_size": 8},
        {"model": "other_batch", "batch_size": 1},
        {"model": "mine"},
        {"model": "lost"},
        {"model": "nowhere", "status": "oom", "throughput": None},
        {"model": "size", "image_px": 160},
    )
    b = side(
        {"model": "both", "batch_size": 4},
        {"model": "both", "batch_size": 16},
        {"model": "other_batch", "batch_size": 2},
        {"model": "theirs"},
        {"model": "lost", "status": "oom", "reason": "out of memory", "throughput": None},
        {"model": "nowhere", "status": "crash", "throughput": None},
        {"model": "size", "image_px": 192},
    )
    result = paired(a, b)
    assert [(pair.a["model"], pair.a["batch_size"]) for pair in result.equal] == [("both", 4)]
    assert (result.other_batch, result.only_a, result.only_b, result.neither) == (2, 3, 2, 1)
    assert [(hole.side, hole.row["model"], hole.row["reason"]) for hole in result.holes] == [
        ("B", "lost", "out of memory")
    ]
    with pytest.raises(ValueError, match="no pairs"):
        shift((), {})


def test_what_both_sides_have_pairs_its_equals_and_what_each_has_alone_is_a_condition() -> None:
    a = side({"model": "net", "dtype": "float32"}, {"model": "net", "dtype": "bfloat16"}, layout="contiguous")
    b = side({"model": "net", "dtype": "bfloat16", "throughput": 50.0}, layout="channels_last")
    result = paired(a, b)
    assert [field.name for field in shared_how(rows_of(a), rows_of(b)) if field.name in ("dtype", "layout")] == [
        "dtype"
    ]
    assert [(pair.a["dtype"], pair.b["dtype"]) for pair in result.equal] == [("bfloat16", "bfloat16")]
    assert (result.only_a, result.only_b) == (1, 0)


def test_another_network_another_size_or_another_mode_is_no_pair() -> None:
    a = side({"model": "net", "options": '{"scope":7}'}, {"model": "net", "mode": "train"})
    b = side({"model": "net", "options": '{"scope":9}'}, {"model": "net", "mode": "features"})
    assert paired(a, b).equal == ()
    other_kernel = side({"model": "net", "options": '{"kernel":"conv2d","scope":7}'})
    assert len(paired(side({"model": "net", "options": '{"kernel":"cpu","scope":7}'}), other_kernel).equal) == 1


def test_of_what_a_side_has_several_equals_are_paired_or_nothing_is() -> None:
    several = side({"model": "net", "dtype": "float32"}, {"model": "net", "dtype": "bfloat16"})
    other = side({"model": "net", "dtype": "float16"})
    assert paired(several, other).equal == ()
    assert apart(rows_of(several), rows_of(other)) == {"dtype": (["bfloat16", "float32"], ["float16"])}
    assert len(paired(several[:1], other).equal) == 1
    assert apart(rows_of(several[:1]), rows_of(other)) == {}


def test_which_of_several_is_meant_must_be_said_where_the_other_side_tells_nothing() -> None:
    several = side({"model": "net", "dtype": "float32"}, {"model": "net", "dtype": "bfloat16"})
    with pytest.raises(
        LambdabenchError, match=r"A has net at 224 px with dtype float32 and bfloat16.*choose with --dtype"
    ):
        paired(several, side({"model": "net", "dtype": None}))


def test_of_two_environments_of_one_side_the_newer_counts() -> None:
    a = side(
        {"model": "net", "fingerprint": "new", "started_at": "2026-02-01", "throughput": 200.0},
        {"model": "net", "fingerprint": "old", "started_at": "2026-01-01"},
    )
    result = paired(a, side({"model": "net"}))
    assert [pair.a["throughput"] for pair in result.equal] == [200.0]
    assert result.repeated == (1, 0)


def test_a_table_without_batches_stands_with_the_one_batch_there_is() -> None:
    mine = side({"model": "net", "batch_size": None}, {"model": "web", "batch_size": None})
    assert len(paired(mine, side({"model": "net"}, {"model": "web", "batch_size": 8})).equal) == 2
    with pytest.raises(LambdabenchError, match=r"batch_size 4 and 8.*choose with --batch-size"):
        paired(mine, side({"model": "net"}, {"model": "net", "batch_size": 8}))
