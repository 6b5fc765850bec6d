"""Files put one under the other: what is taken from footers is what their pages hold, and texts are in the order of their rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal

from lambdabench import store
from lambdabench.core.record import Record
from lambdabench.store import file_rows
from lambdabench.store.file_rows import Span
from lambdabench.store.frames import frame_of

TEXTS = pa.dictionary(pa.int32(), pa.string())


@pytest.mark.parametrize("coded", [True, False])
def test_what_footers_tell_is_what_pages_hold(coded: bool, make_record: Callable[..., Record], tmp_path: Path) -> None:
    settings = ({}, {"weights": "none"}, {"asked_metrics": "latency", "flags": "a,b"}, {"image_px": 288, "suite": "t"})
    for number, changes in enumerate(settings):
        path = tmp_path / "sealed" / f"{number}.parquet"
        path.parent.mkdir(exist_ok=True)
        records = [make_record(metric, model=f"m{number % 2}", **changes) for metric in ("latency", "throughput")]
        store.write(
            [*records, make_record(None, status="oom", reason="why", run_id=f"run{number}")][number % 2 :], path
        )
        other = tmp_path / "unsealed" / path.name
        other.parent.mkdir(exist_ok=True)
        pq.write_table(pq.read_table(path), other)
    rows = store.read(tmp_path / "sealed", coded=coded)
    assert_frame_equal(rows, store.read(tmp_path / "unsealed", coded=coded))
    assert set(rows["image_px"]) == {224, 288}
    known = file_rows.one_valued(pq.read_metadata(tmp_path / "sealed" / "0.parquet"), store.schema())
    assert {"schema_version", "env_memory_gib", "noise_load1"} <= set(known), "or nothing was taken from footers"


def test_only_what_least_and_greatest_tell_is_taken_from_them(tmp_path: Path) -> None:
    columns = {
        "nan": pa.array([1.0, float("nan")]),
        "zero": pa.array([0.0, -0.0]),
        "number": pa.array([1.5, 1.5]),
        "hole": pa.array(["x", None]),
        "two": pa.array(["x", "y"]),
        "text": pa.array(["x", "x"]),
        "empty": pa.array(["", ""]),
        "long": pa.array(["x" * 10_000] * 2),
        "bytes": pa.array([b"x", b"x"]),
        "none": pa.nulls(2, pa.string()),
        "whole": pa.array([3, 3]),
        "holes": pa.array([None, 3]),
        "no_number": pa.nulls(2, pa.float64()),
        "lists": pa.array([[], None], pa.list_(pa.float64())),
    }
    table = pa.table(columns)
    pq.write_table(table, tmp_path / "a")
    wanted = pa.schema(
        [item.with_type(TEXTS) if item.type in (pa.string(), pa.binary()) else item for item in table.schema]
    )
    known = file_rows.one_valued(pq.read_metadata(tmp_path / "a"), wanted)
    assert {name: item for name, item in known.items() if name != "long"} == {
        "text": "x",
        "empty": "",
        "none": None,
        "whole": 3,
        "no_number": None,
    }
    assert known.get("long", "x" * 10_000) == "x" * 10_000
    pq.write_table(table, tmp_path / "b", row_group_size=1)
    assert file_rows.one_valued(pq.read_metadata(tmp_path / "b"), wanted) == {}


def tables(drawn: np.random.Generator) -> list[pa.Table]:
    """Two of equal columns, whose texts have other dictionaries."""
    result: list[pa.Table] = []
    for texts in (["a", "b", "c", "unused"], [f"t{number}" for number in range(200)]):
        codes = drawn.integers(0, len(texts), 300)
        column = pa.DictionaryArray.from_arrays(pa.array(codes, mask=drawn.random(300) < 0.1), pa.array(texts))
        numbers = pa.array(drawn.random(300), mask=drawn.random(300) < 0.1)
        result.append(pa.table({"text": file_rows.in_one_piece(pa.chunked_array([column])), "number": numbers}))
    return result


def test_rows_of_tables_are_joined_in_any_order() -> None:
    drawn = np.random.default_rng(3)
    both = tables(drawn)
    for _ in range(20):
        spans = [
            Span(table=int(drawn.integers(2)), start=int(drawn.integers(300)), rows=0) for _ in range(drawn.integers(9))
        ]
        spans = [Span(table=item.table, start=item.start, rows=int(drawn.integers(301 - item.start))) for item in spans]
        expected = [row for item in spans for row in both[item.table].slice(item.start, item.rows).to_pylist()]
        table = file_rows.joined(both, spans)
        assert table.to_pylist() == expected
        texts = table["text"].combine_chunks().dictionary.to_pylist()
        assert texts == list(dict.fromkeys(row["text"] for row in expected if row["text"] is not None))
    assert file_rows.joined(both, [Span(table=1, start=0, rows=100), Span(table=1, start=100, rows=200)]) is both[1]


def test_a_frame_of_codes_is_what_arrow_makes() -> None:
    for table in tables(np.random.default_rng(4)):
        expected = table.to_pandas()
        rows = frame_of(table, coded=True)
        assert_frame_equal(rows, expected)
        assert rows["text"].cat.codes.dtype == expected["text"].cat.codes.dtype
        rows.loc[rows.index[:5], "text"] = rows["text"].cat.categories[0]
        plain = pa.table({"text": table["text"].cast(pa.string()), "number": table["number"]})
        assert_frame_equal(frame_of(table), plain.to_pandas())
