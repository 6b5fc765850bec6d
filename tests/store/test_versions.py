"""One column of libraries in files, a column each in frames, whatever version wrote the file."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdabench import store
from lambdabench.core.errors import StoreError
from lambdabench.core.record import Record
from lambdabench.core.spec import FORMER_FIELDS
from lambdabench.store import versions

cells = st.lists(st.lists(st.sampled_from([None, "", "1.0", "2.0"]), min_size=10, max_size=10), min_size=1, max_size=12)


def with_versions(record: Record, **name: str) -> Record:
    environment = dataclasses.replace(record.environment, versions=tuple(sorted(name.items())))
    return dataclasses.replace(record, environment=environment)


def rewritten(path: Path, **columns: list[str | None]) -> None:
    """The file with other columns; those of schema 7 where that is its version."""
    table = pq.ParquetFile(path).read()
    for name, values in columns.items():
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, pa.array(values, pa.string()))
    pq.write_table(table, path)


def test_a_file_has_one_column_and_a_frame_has_one_for_each(make_record: Callable[..., Record], tmp_path: Path) -> None:
    rows = [
        with_versions(make_record(), torch="2.15.0", beads="4.2"),
        with_versions(make_record("throughput"), jax="0.10.2"),
    ]
    store.write(rows, tmp_path / "a.parquet")
    table = pq.ParquetFile(tmp_path / "a.parquet").read()
    assert [name for name in table.column_names if versions.is_library(name)] == []
    assert table["env_versions"].to_pylist() == ['{"beads":"4.2","torch":"2.15.0"}', '{"jax":"0.10.2"}']
    for frame in (store.read(tmp_path), store.frame(rows), store.read(tmp_path, ["env_versions"], coded=True)):
        result = frame[["env_beads", "env_flax", "env_jax", "env_torch"]].astype("str")
        assert result.to_numpy().tolist() == [["4.2", "", "", "2.15.0"], ["", "", "0.10.2", ""]]
        assert "env_versions" not in frame
    assert store.read(tmp_path, ["env_jax"]).columns.tolist()[4:] == ["env_jax"]


def test_rows_of_all_versions_stand_together(make_record: Callable[..., Record], tmp_path: Path) -> None:
    store.write([make_record(schema_version=7, run_id="old")], tmp_path / "old.parquet")
    table = pq.ParquetFile(tmp_path / "old.parquet").read().drop_columns(["env_versions"])
    pq.write_table(table, tmp_path / "old.parquet")
    rewritten(tmp_path / "old.parquet", env_torch=["2.14.0"], env_jax=[""])
    store.write([with_versions(make_record(run_id="new"), torch="2.15.0", beads="4.2")], tmp_path / "new.parquet")
    frame = store.read(tmp_path).set_index("run_id")
    assert frame.loc["new", ["env_torch", "env_jax", "env_flax", "env_beads"]].tolist() == ["2.15.0", "", "", "4.2"]
    assert frame.loc["old", ["env_torch", "env_jax"]].tolist() == ["2.14.0", ""]
    assert frame.loc["old", ["env_flax", "env_beads"]].isna().all(), "nobody looked for them"


@given(cells)
def test_columns_of_older_files_survive_the_trip(rows: list[list[str | None]]) -> None:
    columns = {f"env_{name}": [row[place] for row in rows] for place, name in enumerate(FORMER_FIELDS)}
    table = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    joined = pa.table({"schema_version": pa.array([7] * len(rows)), "env_versions": versions.joined(table)})
    spread = versions.spread(joined)
    assert {name: spread[name].to_pylist() for name in columns} == columns


def test_a_file_without_them_tells_none(make_record: Callable[..., Record], tmp_path: Path) -> None:
    store.write([make_record()] * 2, tmp_path / "a.parquet")
    pq.write_table(pq.ParquetFile(tmp_path / "a.parquet").read().drop_columns(["env_versions"]), tmp_path / "a.parquet")
    assert store.read(tmp_path)["env_torch"].isna().all()


@pytest.mark.parametrize(
    "cell", ["", "[]", "{", '{"torch": 2}', '{"cpu": "mine"}', '{"a b": "1"}', '{"versions": "1"}']
)
def test_what_no_run_writes_is_refused(cell: str, make_record: Callable[..., Record], tmp_path: Path) -> None:
    store.write([make_record()], tmp_path / "a.parquet")
    rewritten(tmp_path / "a.parquet", env_versions=[cell])
    with pytest.raises(
        StoreError, match=r"a\.parquet row 1: found env_versions .* expected a JSON object of libraries"
    ):
        store.read(tmp_path)


def test_committed_fingerprints_are_kept_as_they_are(make_record: Callable[..., Record], tmp_path: Path) -> None:
    store.write([make_record(fingerprint="beef")], tmp_path / "a.parquet")
    assert store.read(tmp_path)["fingerprint"].tolist() == ["beef"]


def test_a_million_rows_are_one_text(make_record: Callable[..., Record]) -> None:
    text = json.dumps({"torch": "2.15.0"})
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), pa.array([text]))
    table = pa.table({"schema_version": pa.array([8] * 1_000_000), "env_versions": column})
    pandas = versions.spread(table).to_pandas()
    assert isinstance(pandas["env_torch"].dtype, pd.CategoricalDtype)
    assert pandas["env_torch"].unique().tolist() == ["2.15.0"]
