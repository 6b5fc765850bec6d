"""The hash of a user's own network follows every file of his that it is made of, and no other."""

import hashlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdabench.core import sources
from lambdabench.core.errors import SuiteError
from lambdabench.core.sources import imported, source_hash


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def put(folder: Path, **files: str) -> None:
    """Files by names in which `__` parts folders, and `init` is a package's own."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/").replace("init", "__init__") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_network_that_imports_nothing_of_its_own_has_the_hash_of_its_file(here: Path) -> None:
    source = "import os\nimport torch\nfrom torch import nn\nimport no_such_module\n"
    put(here, net=source, blocks="", lib__init="", lib__nets=source)
    alone = hashlib.sha256(source.encode()).hexdigest()[:12]
    assert source_hash("net.py:make") == alone
    assert source_hash("net:make") == alone
    assert source_hash("lib.nets:make") == alone, "an empty __init__.py does nothing"
    assert source_hash("resnet50") == ""


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("import blocks", "blocks"),
        ("from blocks import Block", "blocks"),
        ("def make():\n    from blocks import Block", "blocks"),
        ("import importlib\nblocks = importlib.import_module('blocks')", "blocks"),
        ("blocks = __import__('blocks')", "blocks"),
        ("import deep", "blocks"),
        ("from lib import part", "lib__part"),
        ("import lib.part", "lib__init"),
        ("from lib.part import x", "lib__other"),
        ("import lib.part as p", "lib__sub__far"),
        ("from space import thing", "space__thing"),
        ("import space.thing", "blocks"),
        ("import one", "two"),
    ],
)
@pytest.mark.parametrize("model", ["net.py:make", "net:make"])
def test_the_hash_follows_all_that_is_imported(here: Path, model: str, line: str, changed: str) -> None:
    put(
        here,
        net=line,
        blocks="deep = 1",
        deep="import blocks",
        lib__init="x = 1",
        lib__part="from . import other\nfrom .sub.far import y",
        lib__other="z = 1",
        lib__sub__init="",
        lib__sub__far="y = 1",
        space__thing="import blocks",
        one="import two",
        two="import one",
        stranger="",
    )
    before = source_hash(model)
    put(here, stranger="other = 1")
    assert source_hash(model) == before
    path = here / (changed.replace("__", "/").replace("init", "__init__") + ".py")
    path.write_text(path.read_text() + "\n# 30 times deeper")
    assert source_hash(model) != before


def test_a_package_that_is_named_by_its_module_is_followed_as_a_whole(
    here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("a") / "site-packages"
    put(elsewhere, mine__init="from .core import x", mine__core="x = 1", mine__nets__small="from ..more import y")
    put(elsewhere, mine__more="y = 1", theirs="z = 1")
    monkeypatch.syspath_prepend(elsewhere)
    before = source_hash("mine.nets.small:make")
    put(elsewhere, mine__nets__small="from ..more import y\nimport theirs")
    with_theirs = source_hash("mine.nets.small:make")
    put(elsewhere, theirs="z = 2")
    assert source_hash("mine.nets.small:make") == with_theirs != before, (
        "an installed package beside it is none of its own"
    )
    put(elsewhere, mine__more="y = 2")
    after = source_hash("mine.nets.small:make")
    put(elsewhere, mine__core="x = 2")
    assert len({with_theirs, after, source_hash("mine.nets.small:make")}) == 3


def test_what_is_installed_below_the_folder_is_none_of_its_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = here / ".venv" / "lib" / "site-packages"
    put(site, theirs="x = 1")
    put(here, net="import theirs")
    monkeypatch.syspath_prepend(site)
    before = source_hash("net.py:make")
    put(site, theirs="x = 2")
    assert source_hash("net.py:make") == before


def test_files_beside_a_file_in_another_folder_and_behind_links_count(here: Path) -> None:
    put(here, nets__net="import blocks", nets__real="x = 1", shared="y = 1")
    (here / "nets" / "blocks.py").symlink_to(here / "shared.py")
    before = source_hash("nets/net.py:make")
    put(here, shared="y = 2")
    assert source_hash("nets/net.py:make") != before


def test_what_only_the_worker_sees_counts_as_it_was_then(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(here, net="import importlib\nimportlib.import_module('blo' + 'cks')", blocks="x = 1", lib__init="")
    monkeypatch.syspath_prepend(here)
    alone = source_hash("net:make")
    importlib.import_module("lib")
    importlib.import_module("net")
    seen = imported("net:make")
    assert sorted(Path(name).name for name in seen) == ["blocks.py", "net.py"]
    both = source_hash("net:make", seen)
    put(here, blocks="x = 2")
    assert source_hash("net:make", seen) == both != alone
    assert not sources.is_current(seen)
    assert source_hash("net:make", imported("net:make")) != both
    assert imported("resnet50") == imported("absent.py:make") == {}


def test_another_networks_files_are_not_its_own(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(here, one="import shared, mine", two="import shared, theirs", shared="x = 1", mine="", theirs="y = 1")
    monkeypatch.syspath_prepend(here)
    for name in ("one", "two"):
        importlib.import_module(name)
    result = imported("one:make", ["two:make", "resnet50", "absent.py:make"])
    assert sorted(Path(path).name for path in result) == ["one.py", "shared.py"]


def test_a_module_keeps_the_digest_that_it_was_imported_with_and_a_file_that_runs_again_does_not(here: Path) -> None:
    main, blocks = (str(here / name) for name in ("net.py", "blocks.py"))
    old, new = {main: "old", blocks: "old"}, {main: "new", blocks: "new", "late": "new"}
    assert sources.first_seen("net.py:make", old, new) == {main: "new", blocks: "old", "late": "new"}
    assert sources.first_seen("net:make", old, new) == {main: "old", blocks: "old", "late": "new"}
    assert sources.first_seen("net.py:make", old, {}) == old


def test_sources_that_are_no_python_or_not_there_are_told(here: Path) -> None:
    put(here, net="import blocks", blocks="def (")
    before = source_hash("net.py:make")
    (here / "blocks.py").write_bytes(b"\x00\xff")
    assert source_hash("net.py:make") != before
    for model, said in (
        ("absent.py:make", "there is no file absent.py"),
        ("absent.module:make", "there is no module of that name"),
        ("Net.py", "expected file.py:callable"),
        ("absent.pt2", "there is no file absent.pt2"),
    ):
        with pytest.raises(SuiteError, match=said):
            source_hash(model)


def test_finding_sources_imports_none_of_them(here: Path) -> None:
    put(here, lib__init="raise SystemExit", lib__nets="import jax", net="raise SystemExit\nimport lib.nets")
    assert source_hash("lib.nets:make") != source_hash("net.py:make")
    assert not {"lib", "lib.nets", "net"} & set(sys.modules)


def test_an_exported_program_is_its_file(here: Path) -> None:
    (here / "net.pt2").write_bytes(b"import blocks")
    assert source_hash("net.pt2") == hashlib.sha256(b"import blocks").hexdigest()[:12]
    assert imported("net.pt2") == {}
