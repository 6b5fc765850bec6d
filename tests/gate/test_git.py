"""git asks the repository around a folder, whatever a hook tells its children, and speaks for itself where it refuses."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.core.errors import GateError
from lambdabench.gate import git, pair_workers, trees

from .conftest import Repository

Make = Callable[[str], Repository]
HOOK = """#!{python}
import sys
sys.path.insert(0, {package!r})
from pathlib import Path
from lambdabench.gate import trees
with trees.checked_out(trees.find("HEAD~1", Path.cwd())) as base:
    assert (base / "file").read_text() in "12"
"""


def two_commits(make: Make) -> Repository:
    made = make("repository")
    for text in ("1", "2"):
        made.write("file", text)
        made.commit()
    return made


def test_a_commit_whose_hook_checks_holds_heads_tree(make_repository: Make) -> None:
    made = two_commits(make_repository)
    hook = made.folder / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK.format(python=sys.executable, package=str(Path(__file__).parents[2])))
    hook.chmod(0o755)
    made.write("file", "3")
    made.git("commit", "--quiet", "--all", "--message", "x")
    assert made.git("show", "HEAD:file") == "3"
    assert made.git("status", "--porcelain") == ""
    made.write("other", "4")
    made.git("add", "other")
    made.write("file", "5")
    made.git("commit", "--quiet", "--message", "y", "file")  # by an index of its own
    assert made.git("show", "HEAD:file") == "5"
    assert made.git("status", "--porcelain") == "A  other"


def test_what_binds_git_to_a_repository_is_not_passed_on(
    make_repository: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made, other = two_commits(make_repository), make_repository("other")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(other.folder / ".git"))
    with trees.checked_out(trees.find("HEAD~1", made.folder)) as base:
        assert (base / "file").read_text() == "1"
    assert not (other.folder / ".git" / "worktrees").exists()
    environment_of = pair_workers.environment_of(1)
    assert not set(git.local_variables()) & set(environment_of), "nor to tests and builds, whose git it would bind"
    assert {"GIT_DIR", "GIT_INDEX_FILE"} <= set(git.local_variables())


def test_hooks_of_the_repository_do_not_run_in_bases_tree(make_repository: Make) -> None:
    made = two_commits(make_repository)
    hook = made.folder / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {made.folder}/ran\n")
    hook.chmod(0o755)
    with trees.checked_out(trees.find("HEAD~1", made.folder)):
        assert not (made.folder / "ran").exists()


def test_a_repository_of_doubtful_ownership_is_told_in_gits_own_words(
    make_repository: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = two_commits(make_repository)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(GateError, match=r"git says: fatal: detected dubious ownership .* --add safe\.directory"):
        trees.find("HEAD~1", made.folder)


def test_a_bare_clone_is_told_in_gits_own_words(make_repository: Make, tmp_path: Path) -> None:
    made = two_commits(make_repository)
    made.git("clone", "--quiet", "--bare", str(made.folder), str(tmp_path / "bare"))
    with pytest.raises(GateError, match="git says: fatal: this operation must be run in a work tree; check compares a"):
        trees.find("HEAD~1", tmp_path / "bare")


def test_a_repository_that_a_variable_names_is_not_followed_and_that_is_said(
    make_repository: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = two_commits(make_repository)
    monkeypatch.setenv("GIT_DIR", str(made.folder / ".git"))
    with pytest.raises(GateError, match=r"is in no git repository; .* \(GIT_DIR are not followed\)"):
        trees.find("HEAD~1", tmp_path)


def test_every_call_of_git_in_the_package_goes_through_one_place() -> None:
    package = Path(git.__file__).parents[1]
    calls = [path.name for path in package.rglob("*.py") if '"git"' in path.read_text()]
    assert sorted(calls) == ["git.py", "proof_pairs.py"], "proof_pairs.py takes git.environment()"


def test_our_own_environment_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    assert "GIT_INDEX_FILE" not in git.environment()
    assert os.environ["GIT_INDEX_FILE"] == "/nowhere"
    assert subprocess.run(("git", "--version"), check=False, env=git.environment(), capture_output=True).returncode == 0
