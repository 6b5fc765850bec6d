"""Which commit is compared, and what is said where it cannot be found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.core.errors import LambdabenchError
from lambdabench.gate import trees

from .conftest import Repository

Make = Callable[[str], Repository]


def with_history(make: Make) -> tuple[Repository, str]:
    """A repository on a branch that left main one commit ago; main has gone on. And the commit where they parted."""
    made = make("repository")
    made.write("file", "1")
    parted = made.commit()
    made.git("checkout", "--quiet", "-b", "work")
    made.write("file", "2")
    made.commit()
    made.git("checkout", "--quiet", "main")
    made.write("other", "3")
    made.commit()
    made.git("checkout", "--quiet", "work")
    return made, parted


def test_base_is_where_the_branches_parted_and_not_the_tip(make_repository: Make) -> None:
    made, parted = with_history(make_repository)
    result = trees.find("main", made.folder)
    assert result.base == parted
    assert result.title == f"{parted[:7]} (merge base) → {result.head[:7]}"
    with trees.checked_out(result) as folder:
        assert (folder / "file").read_text() == "1"
        assert not (folder / "other").exists()
    assert not folder.exists()
    assert len(made.git("worktree", "list").splitlines()) == 1
    made.write("file", "4")
    assert trees.find("main", made.folder).title.endswith("with changes")


def test_a_shallow_clone_is_deepened(make_repository: Make, tmp_path: Path) -> None:
    made, parted = with_history(make_repository)
    clone = Repository(folder=tmp_path / "clone")
    made.git("clone", "--quiet", "--depth", "1", "--branch", "work", made.folder.as_uri(), str(clone.folder))
    assert clone.git("rev-parse", "--is-shallow-repository") == "true"
    assert trees.find("origin/main", clone.folder).base == parted


def test_a_shallow_clone_that_cannot_be_deepened_is_told_of(make_repository: Make, tmp_path: Path) -> None:
    made, _ = with_history(make_repository)
    clone = Repository(folder=tmp_path / "clone")
    made.git("clone", "--quiet", "--depth", "1", "--branch", "work", made.folder.as_uri(), str(clone.folder))
    clone.git("remote", "set-url", "origin", (tmp_path / "nowhere").as_uri())
    with pytest.raises(LambdabenchError, match="fetch-depth: 0"):
        trees.find("origin/main", clone.folder)


def test_what_is_no_commit_and_what_is_no_repository(make_repository: Make, tmp_path: Path) -> None:
    made, _ = with_history(make_repository)
    with pytest.raises(LambdabenchError, match="no commit is called 'nobody' here"):
        trees.find("nobody", made.folder)
    made.git("checkout", "--quiet", "--orphan", "alone")
    made.commit()
    with pytest.raises(LambdabenchError, match="have no commit in common"):
        trees.find("main", made.folder)
    outside = tmp_path / "outside"
    outside.mkdir()
    with pytest.raises(LambdabenchError, match="is in no git repository"):
        trees.find("main", outside)
