"""What is damaged, or was changed, is told with its place: nothing reads as another number, and nothing crashes later."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal
from typer.testing import CliRunner

from lambdabench import store
from lambdabench.cli.app import app
from lambdabench.core.errors import LambdabenchError, StoreError
from lambdabench.core.record import Record

FLIPS = 150
MUTANTS = 15
WRONG: dict[str, list[Any]] = {
    "text": [None, "", "strange", "x" * 5000, "[1]", "{}", '{"a": NaN}', '{"a": [1]}', "None", "é"],
    "whole": [None, 0, -1, 2**40, 7],
    "number": [None, float("nan"), float("inf"), -float("inf"), -1.0, 0.0, 1e300, 1e-300, 3.0],
    "numbers": [None, [], [float("nan")], [None], [1.0]],
    "texts": [None, [], [None], ["strange"]],
}


def records(make_record: Callable[..., Record]) -> list[Record]:
    cells = [{"model": name, "batch_size": size} for name in ("resnet50", "efficientnet_b0") for size in (1, 4)]
    result = [
        make_record(metric, value, suite="quickstart", **cell)
        for cell in cells
        for metric, value in (("peak_memory", 1e6), ("extra_memory", 1e5), ("latency", 0.1), ("throughput", 10.0))
    ]
    return [*result, make_record(None, status="oom", reason="why", batch_size=64, suite="quickstart")]


def is_refused(path: Path, expected: pd.DataFrame) -> bool:
    """Whether a file is refused, by its name; else it must read as it was."""
    try:
        rows = store.read(path)
    except StoreError as error:
        return str(path) in str(error)
    assert_frame_equal(rows, expected)
    return False


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_no_bit_of_a_file_changes_what_is_read(make_record: Callable[..., Record], tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    store.write(records(make_record), path)
    content, expected = path.read_bytes(), store.read(path)
    drawn = random.Random(5)
    seal = content.index(b"lbench01") * 8  # from there on the seal itself, and at the end the length of the footer
    places = [
        *drawn.sample(range(len(content) * 8), FLIPS),
        *range(seal, seal + 128, 3),
        *range(len(content) * 8 - 64, len(content) * 8),
    ]
    refused = 0
    for bit in places:
        path.write_bytes(flipped(content, bit))
        refused += is_refused(path, expected)
    assert refused > 0.9 * FLIPS


def test_pages_have_checksums_that_other_readers_know(make_record: Callable[..., Record], tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    store.write(records(make_record), path)
    column = pq.ParquetFile(path).metadata.row_group(0).column(0)
    bit = (column.data_page_offset + column.total_compressed_size - 1) * 8
    path.write_bytes(flipped(path.read_bytes(), bit))
    with pytest.raises(OSError, match="CRC checksum verification failed"):
        pq.ParquetFile(path, page_checksum_verification=True).read()
    with pytest.raises(StoreError, match=r"a\.parquet is damaged: its checksum is not that of its content; restore it"):
        store.read(path)
    with pytest.raises(StoreError, match=r"a\.parquet is no readable Parquet file \(.*CRC checksum"):
        store.runs(tmp_path)


def test_a_file_without_checksums_is_read(make_record: Callable[..., Record], tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    store.write(records(make_record), path)
    expected = store.read(path)
    pq.write_table(pq.read_table(path), path)
    assert b"lbench01" not in path.read_bytes()
    assert_frame_equal(store.read(path), expected)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("value", float("inf"), "found value inf, expected nothing, or a number up to 1e+30; the file is not as it"),
        ("value", float("nan"), "found value nan, expected nothing, or a number"),
        ("value", -1.0, "found value -1.0, expected a number that is not negative"),
        ("value", 0.0, "found value 0.0, expected a number above zero"),
        ("low", 9.0, "found low 9.0, expected low <= value <= high"),
        ("high", 0.01, "found low 0.099, expected low <= value <= high"),
        ("high", None, "found high None, expected low and high, or neither"),
        ("samples", [1.0, float("nan")], "found samples one that is no number, expected finite numbers"),
        ("batch_size", 0, "found batch_size 0, expected a whole number from 1 to 1000000"),
        ("threads", -2, "found threads -2, expected a whole number from 1"),
        ("run_order", -1, "found run_order -1, expected a whole number from 0"),
        ("loops_per_sample", 0, "found loops_per_sample 0, expected a whole number from 1"),
        ("mode", "infer", "found mode infer, expected one of inference, train, features"),
        ("kind", "modle", "found kind modle, expected one of model, layer, probe, test"),
        ("dtype", "float33", "found dtype float33, expected one of float32,"),
        ("layout", "NHWC", "found layout NHWC, expected one of contiguous, channels_last"),
        ("origin", "guessed", "found origin guessed, expected one of measured, derived, quoted"),
        ("unit", "seconds", "found unit seconds, expected one of s/step,"),
        ("metric", "status", "found metric status, expected a metric (lambdabench list metrics)"),
        ("options", "{", "found options {, expected a JSON object"),
        ("options", '{"a":[1]}', 'found options {"a":[1]}, expected a JSON object'),
        ("started_at", "yesterday", "found started_at yesterday, expected a time as 2026-01-31T12:00:00.000+00:00"),
        ("model", "", "found model '', expected a name"),
        ("model", None, "found model None, expected a value"),
        ("flags", None, "found flags None, expected a value"),
        ("source", None, "found source None, expected a value beside its metric"),
    ],
)
def test_a_value_that_no_run_writes_is_told_with_file_row_and_column(
    column: str, value: Any, said: str, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    store.write(records(make_record)[:2], tmp_path / "a.parquet")
    path = tmp_path / "b.parquet"
    store.write(records(make_record)[:4], path)
    put(path, column, 2, value)
    with pytest.raises(StoreError) as exception_info:
        store.read(tmp_path)
    assert str(exception_info.value).startswith(f"{path} row 3: {said}")
    assert str(exception_info.value).endswith("restore it, or move it out of the results")


def put(path: Path, column: str, row: int, value: Any) -> None:
    """Another value in one row of a file."""
    table = pq.ParquetFile(path).read()
    values = table[column].to_pylist()
    values[row] = value
    place = table.schema.get_field_index(column)
    changed = table.set_column(place, column, pa.array(values, table.schema.field(column).type, from_pandas=False))
    pq.write_table(changed, path)


def test_a_metric_of_another_package_may_have_a_unit_of_its_own(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    store.write(records(make_record)[:2], path)
    put(path, "metric", 0, "loudness")
    put(path, "unit", 0, "dB")
    assert store.read(path)["unit"].tolist() == ["dB", "B"]


def mutate(table: pa.Table, drawn: random.Random) -> pa.Table:
    """A table with a cell, a row or a column changed."""
    for _ in range(drawn.randint(1, 3)):
        place = drawn.randrange(table.num_columns)
        field, kind = table.schema.field(place), table.schema.field(place).type
        way = drawn.random()
        if way < 0.1:
            table = table.remove_column(place)
        elif way < 0.2:
            table = pa.concat_tables([table, table.slice(drawn.randrange(table.num_rows), 1)])
        else:
            names = {pa.string(): "text", pa.int64(): "whole", pa.float64(): "number"}
            of_texts = pa.types.is_list(kind) and kind.value_type == pa.string()
            values = table[place].to_pylist()
            for row in range(len(values)) if way > 0.8 else [drawn.randrange(len(values))]:
                values[row] = drawn.choice(WRONG["texts" if of_texts else names.get(kind, "numbers")])
            table = table.set_column(place, field.name, pa.array(values, kind, from_pandas=False))
    return table


@pytest.mark.parametrize("seed", range(MUTANTS))
def test_a_changed_table_is_told_or_shown_and_never_a_traceback(
    seed: int, make_record: Callable[..., Record], away: Path
) -> None:
    path = away / "results" / "quickstart" / "a.parquet"
    store.write(records(make_record), path)
    pq.write_table(mutate(pq.ParquetFile(path).read(), random.Random(seed)), path)
    result = CliRunner().invoke(app, list(COMMANDS[seed % len(COMMANDS)]))
    assert isinstance(result.exception, SystemExit | LambdabenchError | None), result.exception


COMMANDS = (
    ("plot", "pareto"),
    ("plot", "memory"),
    ("plot", "scaling"),
    ("report", "quickstart"),
    ("show", "resnet50"),
)
