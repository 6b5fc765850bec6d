"""Many files made one: the same rows before, meanwhile and after, whatever breaks it off."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from lambdabench import store
from lambdabench.cli.app import app
from lambdabench.core.errors import StoreError
from lambdabench.core.record import Record
from lambdabench.store import remote

Make = Callable[..., Record]
GOLDEN = sorted((Path(__file__).parents[1] / "golden").rglob("*.parquet"))


@pytest.fixture
def results(make_record: Make, tmp_path: Path) -> Path:
    """Five runs of a suite and a fleet of two shares, a day old."""
    folder = tmp_path / "results"
    for number in range(5):
        rows = [
            make_record(name, run_id=f"run{number}", run_order=number, case_id=f"case{number}")
            for name in ("latency", "throughput")
        ]
        store.write(rows, folder / "s" / f"run{number}.parquet")
    for number in range(2):
        row = make_record(run_id=f"fleet{number}", run_order=9, case_id=f"case{number}")
        store.write([row], folder / "s" / "fleet-1" / f"share{number}" / "s" / f"fleet{number}.parquet")
    age(folder)
    return folder


def age(folder: Path) -> None:
    for path in folder.rglob("*.parquet"):
        os.utime(path, (time.time() - 1e5,) * 2)


def rows_of(results: Path) -> pd.DataFrame:
    return store.read(results).sort_values(["run_id", "metric"], ignore_index=True)


def test_every_row_is_kept(results: Path) -> None:
    before = rows_of(results)
    done = store.compact(results, 3600)
    assert [(item.files, item.rows) for item in done] == [(5, 10), (2, 2)]
    assert len(list(results.rglob("*.parquet"))) == 2
    pd.testing.assert_frame_equal(rows_of(results), before)
    assert len(store.read(results / "s" / "fleet-1")) == 2, "a fleet's stay its own"
    assert store.compact(results, 0) == [], "there is nothing left to do"


def test_files_of_all_versions_are_kept(tmp_path: Path) -> None:
    assert GOLDEN
    for number, path in enumerate(GOLDEN):
        (tmp_path / "s").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "s" / f"{number}.parquet")
    before = store.read(tmp_path)
    store.compact(tmp_path, 0)
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    pd.testing.assert_frame_equal(store.read(tmp_path), before)


def test_one_that_is_broken_off_counts_nothing_twice(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows_of(results)

    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(remote, "withdraw", killed)
        with pytest.raises(KeyboardInterrupt):
            store.compact(results, 3600)
    assert len(list((results / "s").glob("*.parquet"))) == 6
    pd.testing.assert_frame_equal(rows_of(results), before)


def test_a_compacted_file_is_compacted_again(results: Path, make_record: Make) -> None:
    store.compact(results, 3600)
    store.write([make_record(run_id="later", run_order=20)], results / "s" / "later.parquet")
    before = rows_of(results)
    age(results)
    assert [(item.files, item.rows) for item in store.compact(results, 3600)] == [(2, 11)]
    pd.testing.assert_frame_equal(rows_of(results), before)


def test_what_may_still_be_written_stays(results: Path, make_record: Make) -> None:
    store.write([make_record(run_id="now")], results / "s" / "now.parquet")
    store.compact(results, 3600)
    assert (results / "s" / "now.parquet").exists()


def test_a_file_that_is_written_again_is_told(results: Path, make_record: Make) -> None:
    store.compact(results, 3600)
    again = [make_record(name, run_id="run1") for name in ("latency", "throughput", "peak_memory")]
    store.write(again, results / "s" / "run1.parquet")
    with pytest.raises(StoreError, match=r"run1\.parquet was written again after it was compacted into compact-"):
        store.read(results)


def test_the_command(results: Path) -> None:
    result = CliRunner().invoke(app, ["compact", "--results", str(results)])
    assert result.exit_code == 0
    assert ": 10 rows of 5 files" in result.output
    result = CliRunner().invoke(app, ["compact", "--results", str(results), "--min-age", "1h"])
    assert result.output.startswith("nothing to compact in ")
