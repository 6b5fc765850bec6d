"""Each status and each flag of a row is described once, and rows have no other."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

import lambdabench
from lambdabench import commands, store
from lambdabench.core import row_flags, statuses

ROOT = Path(lambdabench.__file__).parents[1]
WRITERS = sorted(
    path
    for folder in ("backends", "commands", "conduct", "core", "launch", "worker")
    for path in (ROOT / "lambdabench" / folder).rglob("*.py")
    if path.name not in ("fake.py", "row_flags.py")
)
"""`fake` doubts as its script says."""
FLAGS = {flag.name for flag in row_flags.FLAGS}


def test_every_status_has_one_description() -> None:
    assert sorted(description.name for description in statuses.DESCRIBED) == sorted(get_args(statuses.Status))


def test_what_exit_codes_resuming_and_wide_tables_make_of_statuses() -> None:
    """The contract with users: scripts rely on the first, files on the others."""
    assert sorted(statuses.FAILED) == ["crash", "mismatch", "oom", "timeout", "wrong_output"]
    assert sorted(statuses.SETTLED) == ["ok", "oom", "unsupported"]
    assert list(statuses.USABLE) == ["ok"]
    assert statuses.OF_METRICS == ("noisy", "unsupported", "ok")
    assert statuses.WORST_FIRST == (
        "crash", "timeout", "oom", "mismatch", "wrong_output", "noisy", "unsupported", "ok", "skipped",
    )  # fmt: skip


def test_every_flag_has_one_description() -> None:
    names = [flag.name for flag in row_flags.FLAGS]
    assert sorted(names) == sorted(set(names))
    assert set(names) == {value for name, value in vars(row_flags).items() if name.isupper() and isinstance(value, str)}


@pytest.mark.parametrize("meaning", [description.meaning for description in (*statuses.DESCRIBED, *row_flags.FLAGS)])
def test_a_meaning_is_a_sentence(meaning: str) -> None:
    assert meaning[0].isupper()
    assert meaning.endswith(".")


def written(tree: ast.AST) -> set[str]:
    """Words in what a module hands on as flags, and in functions that say which there are."""
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "flags"]
    functions = [
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in ("flags", "doubts", "_doubts")
        for line in node.body
    ]
    result = [node.value for part in (*values, *functions) for node in ast.walk(part) if isinstance(node, ast.Constant)]
    return {str(value) for value in result if re.fullmatch(r"[a-z_]+", str(value))}


@pytest.mark.parametrize("path", WRITERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_that_flags_rows_names_flags_by_their_constants(path: Path) -> None:
    assert written(ast.parse(path.read_text())) == set()


def test_words_of_flags_are_seen() -> None:
    text = 'def doubts(): return ("grows",)\nreplace(one, flags=(*one.flags, "odd"))'
    assert written(ast.parse(text)) == {"grows", "odd"}


def test_committed_rows_have_described_statuses_and_flags() -> None:
    rows = store.read([ROOT / "tests" / "golden", ROOT / "results" / "reference"], ("status", "flags"))
    assert len(rows) > 1000
    assert set(rows["status"]) <= {description.name for description in statuses.DESCRIBED}
    assert {flag for text in set(rows["flags"]) for flag in text.split(",")} <= {"", *FLAGS}


def test_they_are_listed(tmp_path: Path) -> None:
    assert [list_name["status"] for list_name in commands.list_names("statuses", tmp_path)] == list(
        get_args(statuses.Status)
    )
    assert {list_name["flag"] for list_name in commands.list_names("flags", tmp_path)} == FLAGS
