"""What a console prints does nothing but show itself."""

import io
import json
from collections.abc import Callable

import pytest
from rich.table import Table

from lambdabench import cli
from lambdabench.cli import terminal
from lambdabench.core.errors import SuiteError


def printed(capsys: pytest.CaptureFixture[str], work: Callable[[], object]) -> str:
    work()
    return "".join(capsys.readouterr())


def test_a_console_shows_what_cannot_be_seen_and_takes_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\x1b[2J [red]\x9b1m[/red] \u202e :smile: \x07"
    shown = r"\u001b[2J [red]\u009b1m[/red] \u202e :smile: \u0007"
    assert printed(capsys, lambda: terminal.console().print(text, soft_wrap=True)) == f"{shown}\n".replace(
        r"\u0007", ""
    )
    assert printed(capsys, lambda: terminal.console(stderr=True).print("a\x1bb")) == r"a\u001bb" + "\n"
    assert printed(capsys, lambda: terminal.say("one\n\x1btwo")) == "one\n" + r"\u001btwo" + "\n"


def test_a_table_shows_what_cannot_be_seen(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("name", "value")
    table.add_row("a\x1b[1mb", "\u2066[/]")
    name = printed(capsys, lambda: terminal.console().print(table))
    assert r"a\u001b[1mb" in name
    assert r"\u2066[/]" in name


def test_json_stays_json(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"a": "x\x1b\x9b\u202e [red] größer", "b": [1, 2]}
    name = printed(capsys, lambda: terminal.console().print_json(data=value))
    assert json.loads(name) == value
    assert len(name.splitlines()) == 7
    assert not {"\x1b", "\x9b", "\u202e"} & {*name}


def test_colours_of_ours_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", stream := io.StringIO())
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    terminal.console().print("bold\x1b[5m", style="bold")
    assert stream.getvalue() == "\x1b[1mbold\\u001b[5m\x1b[0m\n"


def test_an_error_shows_what_it_names(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise SuiteError("first \x1b]0;title\x07 at https://u:pw@h/x\nsecond")

    monkeypatch.setattr("lambdabench.cli.app.app", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: first \\u001b]0;title\\u0007 at https://***@h/x\nsecond\n"
