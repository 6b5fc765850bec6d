"""Rows survive the disk, whole files or none, and the newest are decided in one place."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lambdabench import store
from lambdabench.analysis.passports import passports
from lambdabench.core.errors import StoreError
from lambdabench.core.record import Record
from lambdabench.core.spec import FORMER_FIELDS

GOLDEN = Path(__file__).parent / "golden"


def names(*more: str) -> list[str]:
    """The columns of a frame: those of a file, with one for each library in place of env_versions."""
    libraries = sorted(f"env_{name}" for name in (*FORMER_FIELDS, *more))
    return [library for name in store.schema().names for library in (libraries if name == "env_versions" else [name])]


def test_rows_survive_the_trip(make_record: Callable[..., Record], tmp_path: Path) -> None:
    path = store.run_path(tmp_path, "s", "run1")
    store.write(
        [make_record("latency", 0.25, options=(("scope", 7),)), make_record(None, status="oom", reason="why")], path
    )
    frame = store.read(tmp_path)
    assert list(frame.columns) == names()
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
    assert list(frame.columns) == names()
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["effective_compiler"].iloc[0] == "inductor default, 1 graph, 0 breaks"
    assert frame[["effective_devices", "env_jaxlib", "env_flax"]].isna().all(axis=None)


def test_files_of_version_3_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema3.parquet")
    assert list(frame.columns) == names()
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["effective_devices"].iloc[0] == 2
    assert frame["effective_folded"].isna().all()


def test_files_of_version_4_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema4.parquet")
    assert list(frame.columns) == names()
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["effective_folded"].iloc[0] == "36 of 53 batch norms"
    assert frame[["env_torchvision", "env_triton", "env_cudnn", "env_compiler"]].isna().all(axis=None)


def test_files_of_version_5_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema5.parquet")
    assert list(frame.columns) == names()
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["env_compiler"].tolist() == ["g++ (Debian 14.2.0) 14.2.0"] * 2
    assert frame["run_order"].isna().all()


def test_files_of_version_6_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema6.parquet")
    assert list(frame.columns) == names()
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["visit_cpu_pressure"].iloc[0].tolist() == [0.25, 0.25]
    assert frame[["noise_throttle", "noise_power_w", "visit_throttle", "visit_power_w"]].isna().all(axis=None)
    assert passports(frame).visits == 2


def test_files_of_version_7_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema7.parquet")
    assert list(frame.columns) == names()
    assert frame["status"].tolist() == ["ok", "timeout"]
    assert frame["env_torch"].tolist() == ["2.15.0", "2.15.0"]
    assert frame["env_triton"].tolist() == ["", ""], "it was looked for, and was absent"


def test_files_of_version_8_stay_readable() -> None:
    frame = store.read(GOLDEN / "schema8.parquet")
    assert list(frame.columns) == names()
    assert set(frame["schema_version"]) == {8}
    assert set(frame["status"]) == {"ok"}
    assert frame["effective_runtime"].isna().all()


def checkout(folder: Path) -> Path:
    """The results folder of a checkout of this project."""
    (folder / "lambdabench").mkdir(parents=True)
    (folder / "lambdabench" / "__init__.py").touch()
    return folder / "results"


def test_committed_results_are_read_only_when_named(make_record: Callable[..., Record], tmp_path: Path) -> None:
    results = checkout(tmp_path / "reference" / "project")
    store.write([make_record()], results / "reference" / "a machine" / "a.parquet")
    assert len(store.read(results)) == 0
    assert len(store.read(tmp_path)) == 0
    assert len(store.read(results / "reference")) == 1
    assert len(store.read(results / "reference" / "a machine")) == 1
    assert store.committed_in(results) == [results / "reference" / "a machine"]
    assert store.committed_in(results / "reference") == []


def test_a_users_own_folder_may_be_called_reference(make_record: Callable[..., Record], tmp_path: Path) -> None:
    store.write([make_record()], tmp_path / "reference" / "x" / "a.parquet")
    store.write([make_record(run_id="run2")], tmp_path / "reference" / "x" / "reference" / "b.parquet")
    for folder, rows in ((tmp_path, 2), (tmp_path / "reference" / "x", 2)):
        assert len(store.read(folder)) == rows


def test_links_are_followed_and_each_folder_is_read_once(make_record: Callable[..., Record], tmp_path: Path) -> None:
    store.write([make_record()], tmp_path / "disk" / "a.parquet")
    results = tmp_path / "results"
    results.mkdir()
    for name in ("one", "two"):
        (results / name).symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "again").symlink_to(results)
    assert len(store.read(results)) == 1


def test_a_folder_that_cannot_be_read_is_told(
    make_record: Callable[..., Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write([make_record()], tmp_path / "shut" / "a.parquet")
    look = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(StoreError, match=r"shut cannot be read: Permission denied; make it readable, or move it out"):
        store.read(tmp_path)


def test_a_full_disk_leaves_nothing_behind(
    make_record: Callable[..., Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    store.write([make_record()], path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for _ in range(3):
        with pytest.raises(StoreError, match=r"a\.parquet cannot be written: No space left on device; free space"):
            store.write([make_record()] * 2, path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    assert path.read_bytes() == before


def test_what_a_killed_writer_left_is_taken_away_and_what_one_writes_now_is_not(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    old, new, others = (tmp_path / name for name in (".a.parquet.71", ".b.parquet.72", ".mine.parquet"))
    for path in (old, new, others):
        path.touch()
    os.utime(old, (1e9, 1e9))
    os.utime(others, (1e9, 1e9))
    store.write([make_record()], tmp_path / "a.parquet")
    assert {item.name for item in tmp_path.iterdir()} == {"a.parquet", ".b.parquet.72", ".mine.parquet"}


def test_runs_are_told_without_their_samples(make_record: Callable[..., Record], tmp_path: Path) -> None:
    rows = [make_record("latency"), make_record("throughput"), make_record(batch_size=4, device_name="b cpu")]
    store.write(rows, tmp_path / "s" / "run1.parquet")
    store.write([make_record(run_id="run0", suite="t")], tmp_path / "t" / "run0.parquet")
    assert store.runs(tmp_path).to_dict("records") == [
        {"run": "run0", "suite": "t", "cases": 1, "rows": 1, "device": "a cpu"},
        {"run": "run1", "suite": "s", "cases": 2, "rows": 3, "device": "a cpu, b cpu"},
    ]
    assert store.runs(tmp_path / "t").columns.tolist() == ["run", "suite", "cases", "rows", "device"]


def test_no_runs_are_no_rows(tmp_path: Path) -> None:
    assert store.runs(tmp_path).to_dict("records") == []


def test_some_columns_are_read_without_the_others(make_record: Callable[..., Record], tmp_path: Path) -> None:
    store.write([make_record("latency", 1.0), make_record(None, status="oom")], tmp_path / "a.parquet")
    frame = store.read(tmp_path, ["model", "value"])
    assert frame.columns.tolist() == ["schema_version", "run_id", "started_at", "run_order", "model", "value"]
    coded = store.read(tmp_path, ["model", "metric"], coded=True)
    assert coded["model"].cat.categories.tolist() == ["resnet50"]
    assert store.read(GOLDEN / "schema1.parquet", ["env_flax"])["env_flax"].isna().all()


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
    assert list(frame.columns) == names()
    assert frame["env_driver"].isna().all()


def test_an_empty_folder_has_all_columns_and_no_rows(tmp_path: Path) -> None:
    frame = store.read(tmp_path)
    assert (len(frame), list(frame.columns)) == (0, names())


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
    commands = [[sys.executable, "-c", WRITER_OF_FIVE, pickle.dumps(record).hex(), str(tmp_path)] for record in records]
    writers = [subprocess.Popen(command) for command in commands]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert store.read(tmp_path)["run_id"].value_counts().to_dict() == {"one": 5, "two": 5}
