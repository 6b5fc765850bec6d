"""Two frameworks are compared on equal weights alone; what differs, or cannot be compared, never counts as equal."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench import store
from lambdabench.analysis import table
from lambdabench.analysis.agreement import Agreement, agreements, error, legend
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
    (one,) = found_in([*rows("torch_eager", (1.0, 2.0)), *rows("jax_jit", (1.0, 2.000001))], tmp_path)
    assert one.holds
    assert one.error == pytest.approx(5e-7, rel=1e-3)
    assert one.ratio is not None
    assert one.ratio.low < 1 < one.ratio.high
    assert "not ranked on a CPU" in "\n".join(legend([one]))
    assert "not ranked" not in "\n".join(legend([dataclasses.replace(one, device="tpu:0")]))


def test_different_answers_do_not_hold(rows: Callable[..., list[Record]], tmp_path: Path) -> None:
    (one,) = found_in([*rows("torch_eager", (1.0, 2.0)), *rows("jax_jit", (1.0, 2.1))], tmp_path)
    assert not one.holds


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


def test_what_cannot_be_compared_is_no_agreement() -> None:
    assert not error((1.0, 2.0), (1.0,)) <= 1
    assert not error((), ()) <= 1
    assert not error((0.0,), (0.0,)) <= 1
