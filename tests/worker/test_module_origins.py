"""A side has to run its own code: what is loaded from anywhere else is told, with the place it came from."""

import importlib.util
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

import pytest

from lambdabench.core.gate_protocol import UsersRequest
from lambdabench.worker import module_origins
from lambdabench.worker.module_origins import Own

NAMES = ("shapes", "acme.shapes")


def own(tree: Path, home: str = "", other: str = "/nowhere") -> Own:
    return Own(side="base", names=NAMES, tree=str(tree), home=home, other=other)


def load(monkeypatch: pytest.MonkeyPatch, name: str, file: Path | None) -> None:
    module = ModuleType(name)
    if file is not None:
        module.__file__ = str(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    monkeypatch.setitem(sys.modules, name, module)


def test_what_a_side_loads_from_its_tree_or_environment_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(monkeypatch, "shapes", tmp_path / "tree/src/shapes/__init__.py")
    load(monkeypatch, "shapes.fast", tmp_path / "home/lib/site-packages/shapes/fast.so")
    load(monkeypatch, "acme", None)
    load(monkeypatch, "acme.other", tmp_path / "elsewhere/acme/other.py")
    load(monkeypatch, "shapesque", tmp_path / "elsewhere/shapesque.py")
    assert module_origins.foreign(own(tmp_path / "tree", str(tmp_path / "home"))) == ""
    name = module_origins.foreign(own(tmp_path / "tree"))
    file = tmp_path / "home/lib/site-packages/shapes/fast.so"
    assert name == f"base ran shapes.fast from {file}, expected it from {tmp_path}/tree"


@pytest.mark.parametrize(
    "file", ["elsewhere/shapes.py", "tree/.venv/lib/python3.11/site-packages/shapes.py", "tree2/shapes.py"]
)
def test_what_it_loads_from_elsewhere_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    load(monkeypatch, "acme.shapes", tmp_path / file)
    assert module_origins.foreign(own(tmp_path / "tree")).startswith(f"base ran acme.shapes from {tmp_path / file}")


class Editable:
    """As setuptools makes one, behind all other finders."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        return importlib.util.spec_from_file_location(name, self._file) if name == "acme.shapes" else None


def test_its_own_comes_before_what_another_environment_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outer, tree, home = tmp_path / "outer", tmp_path / "tree", tmp_path / "home/lib/site-packages"
    for item in (outer / "acme/shapes", outer / "acme/other", outer / "shapes", tree / "src/fast", home / "shapes"):
        item.mkdir(parents=True)
        (item / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(outer), str(home)])
    finder = module_origins.OwnFirst(own(tree, str(tmp_path / "home")))
    monkeypatch.setattr(sys, "meta_path", [finder, PathFinder, Editable(tree / "src/fast/__init__.py")])

    def origin(name: str, path: list[str] | None = None) -> str | None:
        module_spec = finder.find_spec(name, path)
        return module_spec and module_spec.origin

    assert origin("shapes") == str(home / "shapes/__init__.py")
    assert origin("acme.shapes", [str(outer / "acme")]) == str(tree / "src/fast/__init__.py")
    assert origin("acme.other", [str(outer / "acme")]) is None, "others look for what is not compared"
    (home / "shapes/__init__.py").unlink()
    assert origin("shapes") is None


def test_a_link_is_where_it_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(monkeypatch, "acme.shapes", tmp_path / "head/src/one.py")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/shapes").symlink_to(tmp_path / "head/src")
    load(monkeypatch, "shapes", tmp_path / "tree/shapes/one.py")
    assert "base ran acme.shapes" in module_origins.foreign(own(tmp_path / "tree"))
    monkeypatch.delitem(sys.modules, "acme.shapes")
    assert "base ran shapes from" in module_origins.foreign(own(tmp_path / "tree"))


def test_a_tree_within_the_other_is_its_own_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(monkeypatch, "shapes", tmp_path / "head/tmp/base/shapes.py")
    assert module_origins.foreign(own(tmp_path / "head", other=str(tmp_path / "head/tmp/base")))
    assert not module_origins.foreign(own(tmp_path / "head/tmp/base", other=str(tmp_path / "head")))


def test_a_side_is_told_as_it_was_asked() -> None:
    request = UsersRequest(base="/b", head="/h", names=NAMES, homes=("/eb", "/eh"))
    item = module_origins.own_of(request, 1)
    assert module_origins.parse(str(item)) == item == Own(side="head", names=NAMES, tree="/h", home="/eh", other="/b")


@pytest.mark.parametrize(
    ("file", "why", "trouble"),
    [
        ("new.py", "ModuleNotFoundError: No module named 'shapes.newer'", "base"),
        ("new.py", "ImportError: cannot import name 'newer' from 'shapes' (/b/shapes.py)", "base"),
        ("new.py", "ModuleNotFoundError: No module named 'numpy'", "unmeasured"),
        ("new.py", "ValueError: broken", "unmeasured"),
        ("old.py", "ImportError: cannot import name 'newer' from 'shapes' (/b/shapes.py)", "unmeasured"),
    ],
)
def test_a_file_that_base_cannot_import_is_new_only_where_it_and_what_it_asks_for_are(
    file: str, why: str, trouble: str
) -> None:
    request = UsersRequest(base="/b", head="/h", names=NAMES, fresh=("new.py",))
    pair_outcome = module_origins.unmeasured(f"{file}::test_it", why, request)
    assert (pair_outcome.trouble, pair_outcome.reason) == (trouble, why)
