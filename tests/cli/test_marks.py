"""The terminal in every locale and width: marks in letters where it has no others, no line drawn over in a log, what to do first."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from lambdabench.cli import completion, marks, start, terminal
from lambdabench.cli.app import app


def printed(text: str, encoding: str) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    marks.settle([stream, None])
    stream.write(text)
    stream.flush()
    return stream.buffer.getvalue().decode(encoding)


def test_marks_have_letters_of_their_own_in_every_encoding() -> None:
    assert printed("● ◐ 62 % · ✗ – 1.2 ±0.3 3×4 → ▁▄█", "ascii") == "* ~ 62 % . x - 1.2 +-0.3 3x4 -> 148"
    assert printed("● · ±", "latin-1") == "* · ±", "what it has stays"
    assert printed("● · ±", "utf-8") == "● · ±"
    assert printed("größe 网", "ascii") == "gr\\xf6\\xdfe \\u7f51"
    front = {marks.PLAIN[mark] for mark in "●◐·✗–"}
    assert len(front) == 5, "each is told from the others"


def lambdabench(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    return subprocess.run(
        [sys.executable, "-m", "lambdabench", *words],
        capture_output=True,
        text=True,
        env=kept | environment,
        check=False,
    )


def test_a_locale_without_unicode_stops_nothing() -> None:
    ended = lambdabench("list", "statuses", PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.isascii()
    assert "\x1b" not in ended.stdout


@pytest.mark.parametrize("width", [80, 120, 200])
def test_by_itself_it_says_what_to_do_first(width: int, tmp_path: Path) -> None:
    text = start.start_text(tmp_path, width)
    assert all(len(line) <= width for line in text.splitlines())
    assert text.index("lambdabench doctor") < text.index("lambdabench run --suite quickstart --open")
    assert "lambdabench report" not in text, "there is nothing to report yet"
    for name in ("a", "b", "c", "d", "e"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "r.parquet").touch()
    assert "lambdabench report --open" in start.start_text(tmp_path, width)
    assert "a, b, c, d and 1 more" in start.start_text(tmp_path, width)


def test_it_is_no_error_to_ask_for_nothing() -> None:
    ended = lambdabench()
    assert ended.returncode == 0
    assert ended.stdout.startswith("lambdabench 0")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("file", "variables", "expected"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (Terminal(), {"CI": "true"}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_only_a_terminal_that_somebody_looks_at_is_drawn_over(
    file: io.StringIO, variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CI", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert terminal.is_redrawn(Console(file=file)) is expected


def test_a_pipe_is_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal.console().width == terminal.PLAIN_WIDTH
    monkeypatch.setenv("COLUMNS", "80")
    assert terminal.console().width == 80


def test_names_are_completed() -> None:
    assert completion.suites("quick") == ["quickstart"]
    assert completion.modes("inference,tr") == ["inference,train"]
    assert "torch_eager" in completion.backends("torch")
    assert completion.lists("sui") == ["suites"]
    asked = {"_LAMBDABENCH_COMPLETE": "complete_bash", "COMP_WORDS": "lambdabench rep", "COMP_CWORD": "1"}
    ended = CliRunner().invoke(app, env=asked, prog_name="lambdabench")
    assert ended.stdout.split() == ["report"]


@pytest.mark.parametrize(("has_browser", "expected"), [(True, ""), (False, "open it by hand")])
def test_a_page_opens_where_there_is_a_browser(
    has_browser: bool,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: asked.append(address) or has_browser)
    terminal.open_page(tmp_path / "a page.html")
    assert asked == [f"{tmp_path.as_uri()}/a%20page.html"]
    assert expected in capsys.readouterr().err
    terminal.open_page(None)
    assert len(asked) == 1
    assert "nothing was measured" in capsys.readouterr().err
