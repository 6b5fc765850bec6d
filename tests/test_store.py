"""Rows survive the disk, whole files or none, and the newest are decided in one place."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lambdabench import store
from lambdabench.core.errors import StoreError
from lambdabench.core.record import Record

GOLDEN = Path(__file__).parent / "golden"


def test_rows_survive_the_trip(make_record: Callable[..., Record], tmp_path: Path) -> None:
    path = store.run_path(tmp_path, "s", "run1")
    store.write(
        [make_record("latency", 0.25, options=(("scope", 7),)), make_record(None, status="oom", reason="why")], path
    )
    frame = store.read(tmp_path)
    assert list(frame.columns) == store.schema().names
    first = frame.iloc[0]
    assert (first["model"], first["metric"], first["value"], first["options"]) == (
        "resnet50",
        "latency",
        0.25,
        '{"scope":7}',
    )
    assert len(first["samples"]) == 9
    assert first["env_cpu"] == "a cpu"
    assert frame.iloc[1]["metric"] is None or frame["metric"].isna().iloc[1]


def test_duckdb_reads_the_files(make_record: Callable[..., Record], tmp_path: Path) -> None:
    store.write([make_record("throughput", 10.0)], tmp_path / "a.parquet")
    files = f"read_parquet('{tmp_path}/*.parquet', union_by_name = true)"
    query = f"select model, value from {files} where metric = 'throughput'"
    assert duckdb.sql(query).fetchall() == [("resnet50", 10.0)]


def test_files_of_version_1_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema1.parquet")
    assert frame["schema_version"].tolist() == [1, 1]
    assert frame["status"].tolist() == ["ok", "oom"]
    assert frame["value"].iloc[0] == 0.25


def test_files_of_version_2_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema2.parquet")
    assert list(frame.columns) == store.schema().names
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["effective_compiler"].iloc[0] == "inductor default, 1 graph, 0 breaks"
    assert frame[["effective_devices", "env_jaxlib", "env_flax"]].isna().all(axis=None)


def test_files_of_version_3_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema3.parquet")
    assert list(frame.columns) == store.schema().names
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["effective_devices"].iloc[0] == 2
    assert frame["effective_folded"].isna().all()


def test_files_of_version_4_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema4.parquet")
    assert list(frame.columns) == store.schema().names
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["effective_folded"].iloc[0] == "36 of 53 batch norms"
    assert frame[["env_torchvision", "env_triton", "env_cudnn", "env_compiler"]].isna().all(axis=None)


def test_files_of_version_5_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema5.parquet")
    assert list(frame.columns) == store.schema().names
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["env_compiler"].tolist() == ["g++ (Debian 14.2.0) 14.2.0"] * 2
    assert frame["run_order"].isna().all()


def test_the_newest_invocation_counts_and_a_skip_is_no_news(make_record: Callable[..., Record], tmp_path: Path) -> None:
    later = "2026-02-01T00:00:00.000+00:00"
    store.write([make_record("latency", 1.0), make_record("throughput", 1.0)], tmp_path / "a.parquet")
    store.write([make_record("latency", 2.0, run_id="run2", started_at=later)], tmp_path / "b.parquet")
    last = "2026-03-01T00:00:00.000+00:00"
    store.write([make_record(None, status="skipped", run_id="run3", started_at=last)], tmp_path / "c.parquet")
    newest = store.newest(store.read(tmp_path))
    assert newest["value"].tolist() == [2.0]
    only = store.newest(store.read(tmp_path / "c.parquet"))
    assert only["status"].tolist() == ["skipped"]


def test_reference_results_are_read_only_when_named(make_record: Callable[..., Record], tmp_path: Path) -> None:
    store.write([make_record()], tmp_path / "reference" / "a machine" / "a.parquet")
    assert len(store.read(tmp_path)) == 0
    assert len(store.read(tmp_path / "reference")) == 1


def test_what_is_no_results_file_is_named(make_record: Callable[..., Record], tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 nothing")
    with pytest.raises(StoreError, match=r"broken\.parquet is no readable Parquet file"):
        store.read(tmp_path)
    store.write([make_record(schema_version=99)], broken)
    with pytest.raises(StoreError, match="newer lambdabench"):
        store.read(tmp_path)
    with pytest.raises(StoreError, match="neither a file nor a folder"):
        store.read(tmp_path / "absent")


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("status", [None], "found status None, expected one of ok, oom, "),
        ("status", ["done"], "found status done, expected one of ok, oom, "),
        ("status", [7], "found status 7"),
        ("replicate", ["first"], "was not written by lambdabench: Failed to parse string: 'first'"),
        ("schema_version", ["first"], "was not written by lambdabench: Failed to parse string: 'first'"),
        ("samples", ["many"], "was not written by lambdabench: "),
    ],
)
def test_a_foreign_column_is_told(
    column: str, values: list[object], said: str, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    store.write([make_record("latency", 1.0)], path)
    table = pq.ParquetFile(path).read()
    pq.write_table(table.drop_columns([column]).append_column(column, pa.array(values)), path)
    with pytest.raises(StoreError, match=rf"a\.parquet .*{re.escape(said)}"):
        store.read(path)


def test_a_column_that_a_file_lacks_is_null_and_one_it_has_beyond_ours_is_left_out(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    store.write([make_record("latency", 1.0)], path)
    table = pq.ParquetFile(path).read()
    pq.write_table(table.drop_columns(["env_driver"]).append_column("extra", table["model"]), path)
    frame = store.read(path)
    assert list(frame.columns) == store.schema().names
    assert frame["env_driver"].isna().all()


def test_an_empty_folder_has_all_columns_and_no_rows(tmp_path: Path) -> None:
    frame = store.read(tmp_path)
    assert (len(frame), list(frame.columns)) == (0, store.schema().names)


WRITER = """
import pickle, sys
from pathlib import Path
from lambdabench import store
record = pickle.loads(bytes.fromhex(sys.argv[1]))
for count in range(1, 10**6):
    store.write([record] * (1 + count % 50), Path(sys.argv[2]))
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(make_record: Callable[..., Record], tmp_path: Path) -> None:
    import pickle

    path = tmp_path / "a.parquet"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, pickle.dumps(make_record()).hex(), str(path)])
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    assert len(store.read(path)) > 0
    assert len(store.read(tmp_path)) > 0, "what was written aside is never read"


WRITER_OF_FIVE = """
import pickle, sys
from pathlib import Path
from lambdabench import store
record = pickle.loads(bytes.fromhex(sys.argv[1]))
for count in range(1, 6):
    store.write([record] * count, store.run_path(Path(sys.argv[2]), "s", record.run_id))
"""


def test_two_writers_at_once_lose_no_row(make_record: Callable[..., Record], tmp_path: Path) -> None:
    import pickle

    records = [make_record(run_id=name) for name in ("one", "two")]
    commands = [[sys.executable, "-c", WRITER_OF_FIVE, pickle.dumps(one).hex(), str(tmp_path)] for one in records]
    writers = [subprocess.Popen(command) for command in commands]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert store.read(tmp_path)["run_id"].value_counts().to_dict() == {"one": 5, "two": 5}
