"""Two frameworks are compared on equal weights alone; what differs, or cannot be compared, never counts as equal."""

import dataclasses
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis import table
from lambdabench.analysis.agreement import Agreement, agreements, cells, error, legend
from lambdabench.commands import RunResult
from lambdabench.core.record import Record

SEEDED = (("weights", "seeded"),)


def found_in(records: list[Record], folder: Path) -> tuple[Agreement, ...]:
    store.write(records, folder / "a.parquet")
    rows = store.newest(store.read(folder))
    return agreements(rows, table.wide(rows))


@pytest.fixture
def rows(make_record: Callable[..., Record]) -> Callable[..., list[Record]]:
    def make(backend: str, outputs: tuple[float, ...], **case: object) -> list[Record]:
        settings = {"options": SEEDED, "case_id": f"{backend}-{case}", "backend": backend} | case
        answer = make_record("outputs", max(outputs), **settings)
        assert answer.measurement is not None
        filled = dataclasses.replace(answer.measurement, samples=outputs, low=None, high=None)
        return [make_record("throughput", 10.0, **settings), dataclasses.replace(answer, measurement=filled)]

    return make


def test_equal_answers_stand_with_both_rates(rows: Callable[..., list[Record]], tmp_path: Path) -> None:
    (agreement,) = found_in([*rows("torch_eager", (1.0, 2.0)), *rows("jax_jit", (1.0, 2.000001))], tmp_path)
    assert agreement.finding == "equal"
    assert agreement.error == pytest.approx(5e-7, rel=1e-3)
    assert agreement.ratio is not None
    assert agreement.ratio.low < 1 < agreement.ratio.high
    assert "not ranked on a CPU" in "\n".join(legend([agreement]))
    assert "not ranked" not in "\n".join(legend([dataclasses.replace(agreement, device="tpu:0")]))


def test_different_answers_do_not_hold(rows: Callable[..., list[Record]], tmp_path: Path) -> None:
    (agreement,) = found_in([*rows("torch_eager", (1.0, 2.0)), *rows("jax_jit", (1.0, 2.1))], tmp_path)
    assert agreement.finding == "different"


def test_only_what_is_one_network_on_equal_weights_is_compared(
    rows: Callable[..., list[Record]], tmp_path: Path
) -> None:
    records = [
        *rows("torch_eager", (1.0,)),
        *rows("jax_jit", (1.0,), mode="train"),
        *rows("jax_jit", (1.0,), options=(*SEEDED, ("scope", 7))),
        *rows("torch_compile", (1.0,), options=()),
    ]
    assert found_in(records, tmp_path) == ()


def test_a_kernel_is_no_other_network(rows: Callable[..., list[Record]], tmp_path: Path) -> None:
    records = [*rows("torch_eager", (1.0,)), *rows("jax_jit", (1.0,), options=(("kernel", "xla_dense"), *SEEDED))]
    assert len(found_in(records, tmp_path)) == 1


def test_outputs_of_two_environments_are_two_agreements_with_rates_of_their_own(
    rows: Callable[..., list[Record]], tmp_path: Path
) -> None:
    records = [
        dataclasses.replace(row, fingerprint=place)
        for place, second in (("f00", 1.000001), ("f01", 1.1))
        for backend, outputs in (("torch_eager", 1.0), ("jax_jit", second))
        for row in rows(backend, (outputs,))
    ]
    faster = [
        dataclasses.replace(
            record, measurement=dataclasses.replace(record.measurement, value=20.0, low=19.0, high=21.0)
        )
        if record.measurement is not None and record.measurement.metric == "throughput" and record.fingerprint == "f01"
        else record
        for record in records
    ]
    result = found_in(faster, tmp_path)
    assert [agreement.finding for agreement in result] == ["equal", "different"]
    assert [cells(agreement)[1] for agreement in result] == [
        f"224 px, b=1, inference, float32, env {name}" for name in ("f00", "f01")
    ]
    assert [[estimate and estimate.value for estimate in pair.throughput] for pair in result] == [
        [pytest.approx(10.0)] * 2,
        [pytest.approx(20.0)] * 2,
    ]


def test_an_architecture_with_several_accuracies_has_one_agreement(
    rows: Callable[..., list[Record]], tmp_path: Path
) -> None:
    store.write([*rows("torch_eager", (1.0,)), *rows("jax_jit", (1.0,))], tmp_path / "a.parquet")
    newest = store.newest(store.read(tmp_path))
    cases = table.wide(newest)
    twice = pd.concat([cases.assign(top1=80.4), cases.assign(top1=76.1)], ignore_index=True)
    (agreement,) = agreements(newest, twice)
    assert agreement.ratio is not None


def test_what_cannot_be_compared_is_no_agreement() -> None:
    assert not error((1.0, 2.0), (1.0,)) <= 1
    assert not error((), ()) <= 1
    assert not error((0.0,), (0.0,)) <= 1


EPSILON = {"float32": 2.0**-24, "tf32": 2.0**-11, "float16": 2.0**-11, "bfloat16": 2.0**-8}
"""Rounding to nearest: half a step of 1."""


def normal(seed: int, count: int = 1000) -> tuple[float, ...]:
    source = random.Random(seed)
    return tuple(source.gauss(0, 0.5) for _ in range(count))


@pytest.fixture
def compared(rows: Callable[..., list[Record]], tmp_path: Path) -> Callable[..., Agreement]:
    """Two answers of one network as its agreement."""

    def compare(first: tuple[float, ...], second: tuple[float, ...], **case: Any) -> Agreement:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        (agreement,) = found_in([*rows("torch_eager", first, **case), *rows("jax_jit", second, **case)], folder)
        return agreement

    return compare


@pytest.mark.parametrize("mode", ["inference", "train"])
@pytest.mark.parametrize("dtype", EPSILON)
def test_rounding_is_equal_and_what_is_unrelated_never(
    compared: Callable[..., Agreement], dtype: str, mode: str
) -> None:
    first = normal(0)
    rounded = tuple(value * (1 + EPSILON[dtype] * (-1) ** place) for place, value in enumerate(first))
    assert compared(first, rounded, mode=mode, dtype=dtype).finding == "equal"
    for seed in range(1, 6):
        assert compared(first, normal(seed), mode=mode, dtype=dtype).finding == "different"
    zeros = (0.0,) * len(first)
    assert compared(first, zeros, mode=mode, dtype=dtype).finding == "different"
    assert compared(zeros, first, mode=mode, dtype=dtype).finding == "different"


@pytest.mark.parametrize(
    ("dtype", "mode", "off", "finding"),
    [
        ("bfloat16", "train", 0.5, "unclear"),
        ("float16", "train", 0.5, "unclear"),
        ("tf32", "train", 0.5, "unclear"),
        ("float32", "train", 0.004, "unclear"),
        ("float32", "train", 0.5, "different"),
        ("bfloat16", "inference", 0.5, "different"),
    ],
)
def test_where_rounding_can_be_as_large_it_cannot_be_told(
    compared: Callable[..., Agreement], dtype: str, mode: str, off: float, finding: str
) -> None:
    """As far off as three ResNets were in training by rounding alone."""
    agreement = compared(normal(0), tuple((1 - off) * value for value in normal(0)), mode=mode, dtype=dtype)
    assert agreement.finding == finding
    assert ("(cannot be told, limit " in cells(agreement)[-1]) == (finding == "unclear")
    assert ("Cannot be told" in "\n".join(legend([agreement]))) == (finding == "unclear")
    none: Any = None
    outcome: dict[str, Any] = {"cases": none, "rows": none, "file": None, "figures": (), "seconds": 1.0}
    result = RunResult(prepared=none, counts={"ok": 2}, agreements=(agreement,), **outcome)
    assert result.exit_code() == (1 if finding == "different" else 0)
