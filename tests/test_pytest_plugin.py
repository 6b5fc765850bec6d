"""pytest-benchmark's runs as rows, in sessions of their own."""

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lambdabench import commands, store
from lambdabench.cli.app import app
from lambdabench.core.errors import LambdabenchError, NotComparableError
from lambdabench.core.identity import fingerprint
from lambdabench.worker.probe import find_environment

TESTS = """
import pytest

def test_sum(benchmark):
    benchmark(sum, range(1000))

def test_fails_afterwards(benchmark):
    benchmark(sum, range(10))
    assert False, "on purpose"

def test_plain():
    pass

@pytest.mark.xfail(reason="not exact yet")
def test_expected(benchmark):
    benchmark(sum, range(10))
    assert False
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
    expected = rows.loc["test_one.py::test_expected"]
    assert (expected["status"], expected["reason"]) == ("skipped", "expected to fail: not exact yet")
    result = commands.read_json(session / "own.json")
    saved = store.read(commands.record(result.timed, session / "imported", result.ran))
    assert set(saved["model"]) >= {"test_one.py::test_sum"}
    assert set(saved["status"]) == {"ok"}, "the file does not tell which failed"
    same = saved.set_index("model").loc["test_one.py::test_sum"]
    assert same["value"] == pytest.approx(
        json.loads((session / "own.json").read_text())["benchmarks"][0]["stats"]["median"]
    )
    assert (same["case_id"] == good["case_id"]) == (same["threads"] == good["threads"])
    assert same["env_python"] == good["env_python"]
    assert commands.compare_files(session / "own.json", session / "own.json")[0].finding == "not told apart"


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LambdabenchError, match="cannot be read: No such file"):
        commands.read_json(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(LambdabenchError, match="is no file of pytest-benchmark's: KeyError"):
        commands.read_json(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ('"data": [0.002', '"data": [-1', "one: stats.data: found -1, expected seconds above 0"),
        ('"data": [0.002', '"data": ["x"', "one: stats.data: found 'x', expected seconds above 0"),
        ('"data": [0.002', '"data": [NaN', "one: stats.data: found nan, expected seconds above 0"),
        ('"median": 0.002', '"median": 0', "one: stats.median: found 0, expected seconds above 0"),
        ('"median": 0.002', '"median": null', "one: stats.median: found None, expected seconds above 0"),
        ('"median": 0.002', '"median": 1, "iterations": 0.5', "one: stats.iterations: found 0.5, expected a number"),
        ('"fullname": "one"', '"fullname": 1', "fullname: found 1, expected a text"),
        ('"fullname"', '"group": 3, "fullname"', "one: group: found 3, expected a text"),
    ],
)
def test_values_that_are_none_of_pytest_benchmarks_are_told(tmp_path: Path, old: str, new: str, name: str) -> None:
    path = saved(tmp_path / "a.json", one=[0.002] * 3)
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))
    done = CliRunner().invoke(app, ["import", str(path), "--results", str(tmp_path / "r")])
    assert isinstance(done.exception, LambdabenchError), done.output
    assert done.exception.exit_code == 2
    assert str(done.exception).startswith(f"{path} is no file of pytest-benchmark's: ")
    assert name in str(done.exception)
    assert not (tmp_path / "r").exists()


def test_the_plugin_is_light() -> None:
    program = "import sys; import lambdabench.pytest_plugin; print([n for n in sys.modules if n in ('numpy', 'scipy', 'torch', 'pandas')])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    assert done.stdout.strip() == "[]"


MACHINE: dict[str, Any] = {
    "node": "there",
    "machine": "aarch64",
    "system": "Linux",
    "release": "4",
    "python_implementation": "CPython",
    "python_implementation_version": "3.9.1",
    "python_version": "3.9.1",
    "cpu": {"brand_raw": "another cpu", "count": 96, "hz_actual": [1, 0], "flags": ["avx2", "ht", "fma"]},
}


def saved(path: Path, machine: Mapping[str, Any] = MACHINE, **seconds: list[float]) -> Path:
    rows = [
        {"fullname": name, "stats": {"data": data, "median": sorted(data)[len(data) // 2]}}
        for name, data in seconds.items()
    ]
    path.write_text(json.dumps({"machine_info": machine, "datetime": "2019-03-04T05:06:07.250000", "benchmarks": rows}))
    return path


def test_an_imported_file_is_of_the_machine_and_the_time_that_it_names(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.json", one=[0.002] * 8)
    done = CliRunner().invoke(app, ["import", str(path), "--results", str(tmp_path / "r")])
    assert done.exit_code == 0, done.output
    assert "pytest/20190304T050607Z-" in done.output
    (row,) = store.read(tmp_path / "r").to_dict("records")
    assert (row["device_name"], row["env_cpu"], row["env_cpu_flags"]) == ("another cpu", "another cpu", "avx2 fma")
    assert (row["env_python"], row["env_os"], row["env_cores"]) == ("3.9.1", "Linux aarch64", 96)
    assert row["started_at"] == "2019-03-04T05:06:07.250+00:00"
    assert row["fingerprint"] == fingerprint(commands.read_json(path).ran.environment)
    assert row["fingerprint"] != fingerprint(find_environment(()))
    assert not row["noise_load1"] >= 0, "this machine's load is not that one's"
    assert all(not row[f"env_{name}"] for name in ("lambdabench", "torch", "libc", "gpu", "allocator"))


def test_a_file_is_imported_once(tmp_path: Path) -> None:
    path, other = saved(tmp_path / "a.json", one=[0.002] * 8), saved(tmp_path / "b.json", one=[0.003] * 8)
    renamed = tmp_path / "c.json"
    renamed.write_bytes(path.read_bytes())
    said: list[str] = []
    for file in (path, other, path, renamed):
        done = CliRunner().invoke(app, ["import", str(file), "--results", str(tmp_path / "r")])
        assert done.exit_code == 0, done.output
        said.append(done.output)
    where = said[0].removeprefix("saved ")
    assert said[1].startswith("saved ")
    assert said[2:] == [f"already imported as {where}"] * 2
    assert sorted(store.read(tmp_path / "r")["value"]) == [0.002, 0.003]


def test_two_runs_of_one_second_are_two(tmp_path: Path) -> None:
    timed = commands.read_json(saved(tmp_path / "a.json", one=[0.002] * 8)).timed
    assert commands.record(timed, tmp_path / "r") != commands.record(timed, tmp_path / "r")


@pytest.mark.parametrize(
    ("text", "name"),
    [("2019-03-04T05:06:07", "05:06:07.000+00:00"), ("2019-03-04T05:06:07+02:00", "03:06:07.000+00:00")],
)
def test_times_are_utc(tmp_path: Path, text: str, name: str) -> None:
    path = saved(tmp_path / "a.json", one=[0.002] * 8)
    path.write_text(path.read_text().replace("2019-03-04T05:06:07.250000", text))
    assert commands.read_json(path).ran.at.isoformat(timespec="milliseconds") == f"2019-03-04T{name}"


def test_files_of_two_machines_are_not_compared(tmp_path: Path) -> None:
    other = {"cpu": MACHINE["cpu"] | {"brand_raw": "a third", "flags": ["avx2"]}}
    before = saved(tmp_path / "a.json", one=[0.002] * 8)
    other |= {"python_version": "3.13.0", "python_implementation_version": "3.13.0"}
    after = saved(tmp_path / "b.json", MACHINE | other, one=[0.001] * 8)
    with pytest.raises(NotComparableError) as exception_info:
        commands.compare_files(before, after)
    assert exception_info.value.exit_code == 4
    assert str(exception_info.value).endswith(
        "not comparable: python_implementation_version: '3.9.1' before, '3.13.0' after; "
        "cpu.brand_raw: 'another cpu' before, 'a third' after; cpu.flags: 'avx2 fma' before, 'avx2' after; give two files of one machine"
    )
    done = CliRunner().invoke(app, ["import", str(after), "--against", str(before), "--results", str(tmp_path / "r")])
    assert isinstance(done.exception, NotComparableError)
    passing = {"node": "here", "release": "5", "cpu": MACHINE["cpu"] | {"hz_actual": [2, 0], "flags": ["fma", "avx2"]}}
    again = saved(tmp_path / "c.json", MACHINE | passing, one=[0.002] * 8)
    assert commands.compare_files(before, again)[0].finding == "not told apart"


def test_two_files_are_told_apart_as_far_as_processes_are(tmp_path: Path) -> None:
    still = [1.0 + (i // 2 if i % 2 else 19 - i // 2) / 1000 for i in range(20)]
    before = saved(tmp_path / "a.json", same=still, slower=still, faster=still, gone=still)
    after = saved(
        tmp_path / "b.json",
        same=[1.05 * value for value in still],
        slower=[1.2 * value for value in still],
        faster=[0.8 * value for value in still],
        new=still,
    )
    file_changes = {compare_file.name: compare_file for compare_file in commands.compare_files(before, after)}
    assert {name: file_change.finding for name, file_change in file_changes.items()} == {
        "same": "not told apart",
        "slower": "slower",
        "faster": "faster",
        "new": "new",
        "gone": "gone",
    }
    assert file_changes["slower"].ratio == pytest.approx(1.2)
    assert file_changes["slower"].own == pytest.approx(1.2)
    assert file_changes["slower"].low is not None
    assert 1 < file_changes["slower"].low < 1.2 * math.exp(-1.96 * 0.03), (
        "three benchmarks are compared, and share something"
    )
    done = CliRunner().invoke(app, ["import", str(after), "--against", str(before), "--results", str(tmp_path / "r")])
    assert done.exit_code == 0
    assert "+20.0 %" in done.output
    assert "1.01 s" in done.output
    assert "3 benchmarks share +0.0 %, which is no change of each" in done.output
    assert "a stored pair cannot tell less than its two processes differ: nothing under 11 % here" in done.output


def test_what_a_pair_of_files_shares_is_no_change_of_each(tmp_path: Path) -> None:
    times = {f"test_{number}": [1e-3 * (1 + number)] * 8 for number in range(50)}
    before = saved(tmp_path / "a.json", **times)
    factors = {
        name: 1.3 * (2.0 if name == "test_7" else 1.0 + 0.01 * (number % 5 - 2)) for number, name in enumerate(times)
    }
    after = saved(
        tmp_path / "b.json", **{name: [factors[name] * value for value in data] for name, data in times.items()}
    )
    file_changes = {compare_file.name: compare_file for compare_file in commands.compare_files(before, after)}
    assert [name for name, file_change in file_changes.items() if file_change.finding != "not told apart"] == ["test_7"]
    assert (file_changes["test_7"].ratio, file_changes["test_7"].own) == (
        pytest.approx(2.6),
        pytest.approx(2.0, rel=0.01),
    )
    done = CliRunner().invoke(app, ["import", str(after), "--against", str(before), "--results", str(tmp_path / "r")])
    assert (
        "50 benchmarks share +30.0 %, which is no change of each: more than runs of one machine usually" in done.output
    )
    assert "nothing under 23 % here" in done.output
    (row,) = [line for line in done.output.splitlines() if "test_7 " in line]
    assert [name for name in ("+160.0 %", "+100.0 %", "slower") if name not in row] == []


def test_what_is_known_of_rounds_that_were_not_kept_widens_the_interval(tmp_path: Path) -> None:
    still = saved(tmp_path / "a.json", one=[1.0] * 8)
    width: dict[str, float] = {}
    for name, stats in {
        "unknown": {"median": 1.0},
        "wide": {"median": 1.0, "iqr": 0.5, "rounds": 5},
        "many": {"median": 1.0, "iqr": 0.5, "rounds": 5000},
        "few": {"median": 1.0, "data": [0.7, 1.0, 1.4]},
        "odd": {"median": 1.0, "iqr": "nan", "rounds": -2},
    }.items():
        path = tmp_path / f"{name}.json"
        path.write_text(
            json.dumps(json.loads(still.read_text()) | {"benchmarks": [{"fullname": "one", "stats": stats}]})
        )
        (file_change,) = commands.compare_files(still, path)
        assert file_change.high is not None
        assert file_change.finding == "not told apart"
        width[name] = file_change.high
    assert width["unknown"] == width["odd"]
    assert width["wide"] > 1.3 * width["unknown"]
    assert width["few"] > 1.3 * width["unknown"]
    assert width["many"] < 1.01 * width["unknown"]


def test_short_times_are_told(tmp_path: Path) -> None:
    before = saved(tmp_path / "a.json", short=[4.82e-6] * 8, long=[0.0123] * 8)
    after = saved(tmp_path / "b.json", short=[5.1e-6] * 8, long=[0.0124] * 8)
    done = CliRunner().invoke(app, ["import", str(after), "--against", str(before), "--results", str(tmp_path / "r")])
    assert [name for name in ("4.82 µs", "5.1 µs", "12.3 ms", "12.4 ms") if name not in done.output] == []
