"""Each metric's number from a bench whose answers are known."""

from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.metrics import (
    extra_memory,
    first_call,
    first_run,
    flops,
    latency,
    lower,
    parameters,
    peak_memory,
    throughput,
    throughput_per_device,
    trace,
    wall_latency,
    xla_flops,
)


def bench(**answers: Any) -> Any:
    known = {
        "first_call_s": 3.0,
        "latencies": (0.5, 0.25),
        "wall_latencies": (0.75, 0.5),
        "clock": "device events",
        "rates": None,
        "extra_bytes": 100.0,
        "parameter_bytes": 28,
        "input_bytes": 12,
        "parameters": 7,
        "flops_per_image": 25.0,
        "compile_s": None,
        "trace_s": None,
        "lower_s": None,
        "compiler_flops_per_image": None,
    }
    asked: dict[str, Any] = {name: lambda value=value: value for name, value in (known | answers).items()}
    item: Any = SimpleNamespace(case=SimpleNamespace(batch_size=2, devices=4), **asked)
    return item


def test_latency_is_samples_in_seconds_a_step() -> None:
    measurement = latency.answer(bench())
    assert (measurement.unit, measurement.samples, measurement.origin) == ("s/step", (0.5, 0.25), "measured")


def test_what_tells_a_latency_is_named() -> None:
    assert latency.answer(bench()).source == "device events"
    measurement = wall_latency.answer(bench())
    assert (measurement.samples, measurement.source) == ((0.75, 0.5), "")


def test_throughput_is_derived_where_calls_are_synchronous() -> None:
    measurement = throughput.answer(bench())
    assert (measurement.unit, measurement.samples, measurement.origin) == ("image/s", (4.0, 8.0), "derived")


def test_throughput_is_measured_in_blocks_where_they_are_not() -> None:
    measurement = throughput.answer(bench(rates=((9.0, 10.0), 20)))
    assert (measurement.samples, measurement.loops_per_sample, measurement.origin) == ((9.0, 10.0), 20, "measured")


def test_peak_memory_is_a_sum() -> None:
    measurement = peak_memory.answer(bench())
    assert (measurement.unit, measurement.value, measurement.origin) == ("B", 140.0, "derived")


def test_throughput_a_device_is_derived_from_throughput() -> None:
    measurement = throughput_per_device.answer(bench(rates=((8.0, 12.0), 20)))
    assert (measurement.metric, measurement.unit, measurement.samples) == (
        "throughput_per_device",
        "image/s/device",
        (2.0, 3.0),
    )
    assert (measurement.origin, measurement.source, measurement.loops_per_sample) == (
        "derived",
        "throughput / devices",
        20,
    )


@pytest.mark.parametrize(
    ("metric", "answers", "value"),
    [
        (trace, {"trace_s": 0.5}, 0.5),
        (lower, {"lower_s": 0.25}, 0.25),
        (first_run, {"compile_s": 2.0}, 1.0),
        (xla_flops, {"compiler_flops_per_image": 30.0}, 30.0),
    ],
)
def test_what_only_a_compiler_has_is_no_row_without_one(metric: Any, answers: dict[str, float], value: float) -> None:
    assert metric.answer(bench()) is None
    assert metric.answer(bench(**answers)).value == value


@pytest.mark.parametrize(
    ("metric", "unit", "value"),
    [(first_call, "s", 3.0), (extra_memory, "B", 100.0), (parameters, "1", 7.0), (flops, "FLOP/image", 25.0)],
)
def test_single_numbers(metric: Any, unit: str, value: float) -> None:
    item = metric.answer(bench())
    assert (item.unit, item.value, item.samples, item.origin) == (unit, value, (), "measured")


@pytest.mark.parametrize("metric", [extra_memory, peak_memory])
def test_memory_of_which_nobody_tells_is_no_row(metric: Any) -> None:
    assert metric.answer(bench(extra_bytes=float("nan"))) is None
