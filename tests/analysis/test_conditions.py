"""Conditions are told off the pairs themselves, each once, and what is the same is not there."""

from typing import Any

from lambdabench.analysis.compare import HOW, Pair
from lambdabench.analysis.conditions import READ, Difference, differences
from lambdabench.store import schema

ROW: dict[str, Any] = {
    "model": "net",
    "device_name": "a cpu",
    "layout": "contiguous",
    "threads": 2,
    "options": "{}",
    "env_lambdabench": "0.1.0",
    "env_torch": "2.14.0",
    "env_cpu": "a cpu",
    "env_cpu_flags": "avx2 fma",
    "env_allocator": "",
    "effective_kernel": "cpu",
    "effective_layout": "contiguous",
    "noise_sm_clock_mhz": None,
    "noise_cpu_waited": 0.01,
}


def pair(changes: dict[str, Any] | None = None, **same: Any) -> Pair:
    return Pair(a=ROW | same, b=ROW | same | (changes or {}), log_ratio=0.0)


def told(*pairs: Pair, paired_by: tuple[str, ...] = ()) -> list[tuple[str, str, str, int]]:
    return [
        (difference.name, difference.a, difference.b, difference.pairs) for difference in differences(pairs, paired_by)
    ]


def test_what_is_read_is_stored() -> None:
    assert {*READ} <= {*schema().names}


def test_equal_sides_differ_in_nothing() -> None:
    assert differences([pair(), pair(model="web")]) == ()


def test_code_comes_before_libraries_and_how_it_ran() -> None:
    changed = {"env_torch": "2.15.0", "env_lambdabench": "0.2.0", "effective_kernel": "conv2d"}
    assert told(pair(changed), pair(changed)) == [
        ("code", "0.1.0", "0.2.0", 2),
        ("torch", "2.14.0", "2.15.0", 2),
        ("kernel", "cpu", "conv2d", 2),
    ]


def test_of_one_thing_that_several_columns_tell_the_first_is_told() -> None:
    changed = {"layout": "channels_last", "effective_layout": "channels_last"}
    assert told(pair(changed)) == [("layout", "contiguous", "channels_last", 1)]
    assert told(pair({"effective_layout": "channels_last"})) == [("layout", "contiguous", "channels_last", 1)]
    machine = {"device_name": "b cpu", "env_cpu": "b cpu", "env_gpus": "other"}
    assert told(pair(machine)) == [("machine", "a cpu", "b cpu", 1)]


def test_how_many_pairs_a_change_is_of_and_what_else_it_is() -> None:
    pairs = [pair({"effective_kernel": name}) for name in ("conv2d", "conv2d", "einsum", "cpu")]
    assert differences(pairs) == (Difference(name="kernel", a="cpu", b="conv2d", pairs=3, others=1),)


def test_of_lists_only_what_differs() -> None:
    assert told(pair({"env_cpu_flags": "avx2 avx512f fma"})) == [("instruction sets", "", "avx512f", 1)]
    assert told(pair({"env_allocator": "OMP_NUM_THREADS=2"})) == [("variables", "", "OMP_NUM_THREADS=2", 1)]


def test_what_is_not_known_of_a_side_is_no_difference() -> None:
    assert differences([pair({"env_torch": None, "layout": None, "threads": None})]) == ()


def test_options_that_make_another_program() -> None:
    changed = {"options": '{"fold":true,"kernel":"conv2d"}'}
    assert told(pair(changed, options='{"kernel":"cpu"}')) == [
        ("fold", "False", "True", 1),
        ("kernel", "cpu", "conv2d", 1),
    ]
    assert told(pair({"threads": 4}), paired_by=("threads",)) == []
    assert {field.name for field in HOW} >= {"options.fold", "threads", "layout", "device", "device_name"}


def test_clocks_and_waiting_are_told_where_they_differ_enough() -> None:
    assert told(pair({"noise_sm_clock_mhz": 1410.0}, noise_sm_clock_mhz=1400.0)) == []
    assert told(pair({"noise_sm_clock_mhz": 1755.0}, noise_sm_clock_mhz=1410.0)) == [
        ("clock of the GPU", "1,410 MHz", "1,755 MHz", 1)
    ]
    assert told(pair({"noise_cpu_waited": 0.14})) == [("CPU that others had", "1 %", "14 %", 1)]
    assert told(pair({"noise_cpu_waited": 0.03})) == []
