"""pytest-benchmark's runs as rows, in sessions of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lambdabench import commands, store
from lambdabench.cli.app import app
from lambdabench.core.errors import LambdabenchError

TESTS = """
def test_sum(benchmark):
    benchmark(sum, range(1000))

def test_fails_afterwards(benchmark):
    benchmark(sum, range(10))
    assert False, "on purpose"

def test_plain():
    pass
"""


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A folder in which pytest has recorded its benchmarks in `rows` and saved them in `own.json`."""
    (tmp_path / "test_one.py").write_text(TESTS)
    command = (
        sys.executable, "-m", "pytest", "-p", "lambdabench.pytest_plugin", "--benchmark-only", "--lambdabench", "rows",
        "--benchmark-max-time", "0.05", "--benchmark-json", "own.json", "-p", "no:cacheprovider", "test_one.py",
    )  # fmt: skip
    environment = {"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "lambdabench: saved rows/pytest/" in done.stdout, done.stdout + done.stderr
    return tmp_path


def test_a_session_becomes_rows_and_its_json_can_be_imported(session: Path) -> None:
    rows = store.read(session / "rows").set_index("model")
    good, bad = rows.loc["test_one.py::test_sum"], rows.loc["test_one.py::test_fails_afterwards"]
    assert (good["kind"], good["metric"], good["unit"], good["status"]) == ("test", "latency", "s/step", "ok")
    assert good["low"] <= good["value"] <= good["high"]
    assert len(good["samples"]) >= 5
    assert 1e-7 < good["value"] < 1e-2
    assert bad["status"] == "crash"
    assert "on purpose" in bad["reason"]
    timed = commands.read_json(session / "own.json")
    saved = store.read(commands.record(timed, session / "imported"))
    assert set(saved["model"]) >= {"test_one.py::test_sum"}
    same = saved.set_index("model").loc["test_one.py::test_sum"]
    assert same["value"] == pytest.approx(
        json.loads((session / "own.json").read_text())["benchmarks"][0]["stats"]["median"]
    )
    assert same["case_id"] == good["case_id"]


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LambdabenchError, match="cannot be read: No such file"):
        commands.read_json(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(LambdabenchError, match="is no file of pytest-benchmark's: KeyError"):
        commands.read_json(tmp_path / "other.json")


def test_the_plugin_is_light() -> None:
    program = "import sys; import lambdabench.pytest_plugin; print([n for n in sys.modules if n in ('numpy', 'scipy', 'torch', 'pandas')])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.strip() == "[]"


def saved(path: Path, **seconds: list[float]) -> Path:
    rows = [
        {"fullname": name, "stats": {"data": data, "median": sorted(data)[len(data) // 2]}}
        for name, data in seconds.items()
    ]
    path.write_text(json.dumps({"benchmarks": rows}))
    return path


def test_two_files_are_told_apart_as_far_as_processes_are(tmp_path: Path) -> None:
    still = [1.0 + i / 1000 for i in range(20)]
    before = saved(tmp_path / "a.json", same=still, slower=still, faster=still, gone=still)
    after = saved(
        tmp_path / "b.json",
        same=[1.05 * one for one in still],
        slower=[1.2 * one for one in still],
        faster=[0.8 * one for one in still],
        new=still,
    )
    found = {one.name: one for one in commands.compare_files(before, after)}
    assert {name: one.finding for name, one in found.items()} == {
        "same": "not told apart",
        "slower": "slower",
        "faster": "faster",
        "new": "new",
        "gone": "gone",
    }
    assert found["slower"].ratio == pytest.approx(1.2)
    assert found["slower"].low == pytest.approx(1.2 * 0.92, abs=0.01)
    done = CliRunner().invoke(app, ["import", str(after), "--against", str(before), "--results", str(tmp_path / "r")])
    assert done.exit_code == 0
    assert "+20.0 %" in done.output
