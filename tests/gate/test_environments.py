"""Environments of `--build`: kept by commit where they hold all that they need, gone afterwards where they do not."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.core import caches
from lambdabench.core.errors import GateError
from lambdabench.gate import environments, folder_owners, scratch_folders

from .conftest import Repository

SITE = "$(echo $VIRTUAL_ENV/lib/python*/site-packages)"
COUNTED = "echo built >> log"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where environments are kept."""
    monkeypatch.delenv(caches.PLACE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lambdabench" / "check"


@pytest.fixture
def made(make_repository: Callable[[str], Repository]) -> Repository:
    repository = make_repository("project")
    repository.write("shapes/__init__.py", "")
    repository.commit()
    return repository


def built(made: Repository, command: str, commit: str | None = None) -> Path:
    """The interpreter that one side was given."""
    head = made.git("rev-parse", "HEAD") if commit is None else commit
    with environments.python_of(made.folder, head, command) as python:
        assert python.exists()
        return python


def times(made: Repository) -> int:
    return (made.folder / "log").read_text().count("built")


def test_an_environment_is_built_once_a_commit(made: Repository, place: Path) -> None:
    command = f'{COUNTED}; test -n "$VIRTUAL_ENV"'
    assert built(made, command) == built(made, command)
    assert times(made) == 1
    assert [path.parents[1] for path in (built(made, command),)] == list(place.iterdir())
    with pytest.raises(GateError, match=r"--build: sh -ec echo no >&2; exit 3 failed in .*: no"):
        built(made, "echo no >&2; exit 3")
    assert len(list(place.iterdir())) == 1, "what failed is gone"


def test_a_tree_that_is_no_commit_is_built_each_time_and_leaves_nothing(made: Repository, place: Path) -> None:
    assert not built(made, COUNTED, commit="").exists()
    built(made, COUNTED, commit="")
    assert times(made) == 2
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    "installs",
    [
        f"pwd > {SITE}/__editable__.shapes.pth",
        f"pwd > {SITE}/shapes.egg-link",
        f"echo \"MAPPING = {{'shapes': '$(pwd)/shapes'}}\" > {SITE}/__editable___shapes_finder.py",
        f'mkdir {SITE}/a.dist-info; echo "{{\\"url\\": \\"file://$(pwd)\\", \\"dir_info\\": {{\\"editable\\": true}}}}"'
        f" > {SITE}/a.dist-info/direct_url.json",
        f"ln -s $(pwd)/shapes {SITE}/shapes",
    ],
)
def test_an_environment_that_leads_into_a_tree_is_not_used_again(made: Repository, place: Path, installs: str) -> None:
    """Base's tree is gone with its check: what stands behind it, if anything, would be timed instead."""
    command = f"{COUNTED}; {installs}"
    assert not built(made, command).exists()
    built(made, command)
    assert times(made) == 2
    assert list(place.iterdir()) == []


def test_where_a_package_was_built_from_does_not_make_it_editable(made: Repository, place: Path) -> None:
    name = '{\\"url\\": \\"file://$(pwd)\\", \\"dir_info\\": {}}'
    command = f'{COUNTED}; mkdir {SITE}/a.dist-info; echo "{name}" > {SITE}/a.dist-info/direct_url.json'
    assert built(made, command).exists()
    built(made, command)
    assert times(made) == 1


def test_an_environment_without_its_interpreter_is_built_anew(made: Repository, place: Path) -> None:
    python = built(made, COUNTED)
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert built(made, COUNTED) != python
    assert times(made) == 2


def test_what_a_killed_check_was_building_is_taken_away(place: Path) -> None:
    for name, started in (("dead", "0"), ("alive", folder_owners.ourselves().started)):
        (place / name).mkdir(parents=True)
        owner = dataclasses.replace(folder_owners.ourselves(), started=started)
        (place / name / scratch_folders.OWNER).write_text(str(owner))
    scratch_folders.prune_in(place)
    assert [path.name for path in place.iterdir()] == ["alive"]


def test_a_hooks_index_is_not_the_builds(made: Repository, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    built(made, 'test -z "$GIT_INDEX_FILE"')
