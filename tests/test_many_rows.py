"""Reading many rows costs no work in Python a row or a case."""

import runpy
import sys
from pathlib import Path

from lambdabench import store
from lambdabench.analysis import table

write = runpy.run_path(str(Path(__file__).with_name("many_rows.py")))["write"]


def calls_of(folder: Path) -> int:
    """Calls of Python functions in reading a folder to its wide table."""
    counted = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event == "call"

    sys.setprofile(count)
    try:
        table.wide(store.newest(store.read(folder, table.NEEDED, coded=True)))
    finally:
        sys.setprofile(None)
    return counted


def test_four_times_the_rows_take_no_more_calls(tmp_path: Path) -> None:
    counts: list[int] = []
    for rows in (1000, 1000, 4000):
        folder = tmp_path / str(len(counts))
        folder.mkdir()
        write(folder, rows, 1)
        counts.append(calls_of(folder))
    assert counts[2] < 1.5 * counts[1], "the first pays for what is done once"


def test_the_rows_are_what_a_run_writes(tmp_path: Path) -> None:
    write(tmp_path, 80, 2)
    assert len(table.wide(store.newest(store.read(tmp_path)))) == 20
    assert store.runs(tmp_path)["rows"].tolist() == [40, 40]
