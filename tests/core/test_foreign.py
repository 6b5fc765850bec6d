"""Text that is not ours leaves harmless, whatever it holds, and reads as it did where it holds nothing strange."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdabench.core import foreign
from lambdabench.core.gate_protocol import Rules
from lambdabench.core.record import Outcome

ANY = st.text(st.characters(codec=None))
SEEN = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=30)
NAMES = (
    "resnet50",
    "lambda_resnet26t.c1_in1k",
    "net.py:make",
    "tests/bench/test_a.py::test_w",
    "Intel(R) Xeon(R) Processor @ 2.20GHz",
    "größer als 3 × 3, 95 %",
    "NVIDIA H200, 139 GiB",
    "a 'quoted' name; its reason (with a place), + 3 = 4?",
)


@pytest.mark.parametrize("name", NAMES)
def test_what_holds_nothing_strange_is_left_alone(name: str) -> None:
    assert foreign.plain(name) == foreign.lines(name) == foreign.cell(name) == name
    assert foreign.markdown(name).replace("&#8203;", "") == name
    assert foreign.code(name) == f"`{name}`"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jgone", r"\u001b[2Jgone"),
        ("a\x00b\x07c\x7fd\x9be", r"a\u0000b\u0007c\u007fd\u009be"),
        ("two\r\n\tlines ", "two lines"),
        ("safe\u202egnp.exe", r"safe\u202egnp.exe"),
        ("a\u2066b\u200fc", r"a\u2066b\u200fc"),
        ("no\u200bwidth\ufeff", r"no\u200bwidth\ufeff"),
        ("\udc80 no text", r"\udc80 no text"),
        ("tag \U000e0041", r"tag \udb40\udc41"),
        ("redis://u:pw@h:1/2", "redis://***@h:1/2"),
        ("at https://ghp_token@github.com/a/b.git now", "at https://***@github.com/a/b.git now"),
        ("https://host/a@b", "https://host/a@b"),
    ],
)
def test_what_cannot_be_seen_is_shown_and_a_login_is_hidden(text: str, shown: str) -> None:
    assert foreign.plain(text) == shown


def test_lines_stay_lines() -> None:
    assert foreign.lines("one\n\ttwo\r\n\x1b[1m") == "one\n        two\n" + r"\u001b[1m"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a|b", r"a\|b"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a\n\n# heading", "a # heading"),
        ("# heading", "#&#8203; heading"),
        ("[text](http://x)", r"\[text](http:\//x)"),
        ("![image](x)", r"!\[image](x)"),
        ("`code` *bold* ~~gone~~ _em_ $x$", r"\`code\` \*bold\* \~\~gone\~\~ \_em\_ &#36;x&#36;"),
        ("@everyone fixes #12, GH-7", "@&#8203;everyone fixes #&#8203;12, GH-&#8203;7"),
        ("&lt;", "&amp;lt;"),
        ("1. first", r"1\. first"),
        ("- item", r"\- item"),
        ("www.x.org", r"www\.x.org"),
        ("a\\|b", r"a\\\|b"),
    ],
)
def test_markdown_is_text(text: str, name: str) -> None:
    assert foreign.markdown(text) == name


@pytest.mark.parametrize(
    ("text", "name"), [("a|b", r"`a\|b`"), ("``", "``` `` ```"), ("`x", "`` `x ``"), ("a\nb", "`a b`")]
)
def test_code_keeps_its_fence(text: str, name: str) -> None:
    assert foreign.code(text) == name


@pytest.mark.parametrize(
    ("text", "name"), [("=1+1", "'=1+1"), ("@x", "'@x"), ("-1.5", "-1.5"), ("-a", "'-a"), ("+3", "+3")]
)
def test_a_spreadsheet_sees_no_formula(text: str, name: str) -> None:
    assert foreign.cell(text) == name


@given(ANY)
def test_no_text_does_anything_in_a_terminal_or_in_markdown(text: str) -> None:
    shown = foreign.plain(text)
    assert shown.isprintable() or not foreign.UNSEEN.search(shown)
    assert not any(ord(text) < 32 or 127 <= ord(text) < 160 for text in shown)
    assert foreign.plain(shown) == shown
    shown.encode()
    name = foreign.markdown(text)
    assert "<" not in name
    assert ">" not in name
    assert "\n" not in name
    assert not re.search(r"(?<!\\)(\\\\)*([|`*]|\[[^\]]*\]\()", name), "each is escaped"
    assert foreign.UNSEEN.search(foreign.lines(text).replace("\n", "")) is None
    assert "|" not in foreign.code(text).replace("\\|", "")
    assert json.loads(json.dumps(shown)) == shown
    row = io.StringIO()
    csv.writer(row).writerow([foreign.cell(text), "next"])
    assert list(csv.reader([row.getvalue()])) == [[foreign.cell(text), "next"]]


@given(SEEN)
def test_what_can_be_seen_is_what_was_written(text: str) -> None:
    assert "://" in text or foreign.plain(text) == text


def test_every_text_of_a_value_is_cleaned() -> None:
    dirty = Outcome(job_id="a\x1b", status="ok", reason="b\nc", flags=("d\u202e",), sources=(("e\x00", "f"),))
    result = foreign.cleaned({"g\x1b": [dirty, 3, None, Rules()]})
    clean = Outcome(job_id=r"a\u001b", status="ok", reason="b c", flags=(r"d\u202e",), sources=((r"e\u0000", "f"),))
    assert result == {r"g\u001b": [clean, 3, None, Rules()]}


def test_a_reason_is_bounded_and_keeps_its_beginning_and_its_end() -> None:
    short = "x" * foreign.MOST_CHARACTERS
    assert foreign.bounded(short) == short
    name = foreign.bounded("ValueError: " + "x" * 10**6 + " (net.py:3)")
    assert len(name) == foreign.MOST_CHARACTERS
    assert name.startswith("ValueError: x")
    assert name.endswith("x (net.py:3)")
    assert "characters left out" in name
    assert foreign.bounded("cannot reach redis://u:pw@h") == "cannot reach redis://***@h"


@pytest.mark.parametrize(("most", "name"), [(7, "abcdefg"), (6, "ab…efg"), (5, "ab…fg")])
def test_a_name_is_cut_in_its_middle(most: int, name: str) -> None:
    assert foreign.cut("abcdefg", most) == name


def test_of_what_a_program_said_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stderr.txt"
    assert foreign.last_words(path, 3) == ""
    path.write_text("")
    assert foreign.last_words(path, 3) == ""
    path.write_bytes(b"first\nsecond \r\nthird\nlast\n\n")
    assert foreign.last_words(path, 3) == "second / third / last"
    with path.open("wb") as file:  # 100 MB without a line's end, of which the disk holds one block
        file.seek(10**8)
        file.write(b"the reason")
    assert len(foreign.last_words(path, 3)) <= foreign.MOST_CHARACTERS
    assert foreign.last_words(path, 3).endswith("the reason")
