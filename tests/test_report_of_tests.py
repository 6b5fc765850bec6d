"""`lambdabench report pytest`: rows that no suite file asked for have a page too."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lambdabench import commands
from lambdabench.cli.app import app
from lambdabench.core.errors import NothingMeasuredError
from lambdabench.core.spec import Environment

TIMED = (
    commands.Timed(
        name="tests/test_a.py::test_sum[small]", seconds=tuple(1e-6 * (100 + number) for number in range(20))
    ),
    commands.Timed(name="tests/test_a.py::test_fails", reason="assert 1 == 2"),
)


def test_rows_of_pytest_have_a_page_with_names_times_machines_and_how_to_repeat(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    commands.record(
        TIMED, Path("results"), commands.Ran(environment=environment, at=datetime(2026, 1, 2, tzinfo=UTC), mark="a")
    )
    result = CliRunner().invoke(app, ["report", "pytest"])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "reports" / "pytest" / "index.md").read_text()
    assert page.startswith("# Benchmarks of pytest-benchmark\n")
    assert "| test | time of a call | status |" in page
    assert "| tests/test_a.py::test_sum[small] | 109 µs [100 µs, 119 µs] | ok |" in page
    assert "| tests/test_a.py::test_fails | – | crash: assert 1 == 2 |" in page
    assert "Measured on a cpu, float32, 2 threads" in page
    assert "Repeat: `pytest --benchmark-only --lambdabench results`" in page


def test_without_rows_of_pytest_it_says_how_to_make_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    result = CliRunner().invoke(app, ["report", "pytest"])
    assert isinstance(result.exception, NothingMeasuredError)
    assert "pytest" in str(result.exception)
