"""The packages and modules of a project: what two commits of it are compared by, and what each side has to have of its own."""

import configparser
import importlib.metadata
import json
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from ..core.errors import GateError
from . import git

ROOTS = ("", "src", "lib", "python")
"""Folders of a project that hold its packages by convention."""
BESIDE = frozenset({"conftest", "setup", "__init__", "__main__"})
"""Modules that are run and not imported."""


def names(base: Path, head: Path) -> tuple[str, ...]:
    """Dotted names of what either tree holds: "shapes", or "acme.shapes" where acme is shared with other projects.

    What only one of them has, or has in an unusual place or as a file in the top folder, is not the project's where another one has
    installed it here. Raises GateError where git does not tell what a tree holds.
    """
    result = [modules(base), modules(head)]
    distributions = importlib.metadata.packages_distributions()
    own = {_normal(title) for tree in (base, head) for title in titles(tree)} | _installed_from(head)
    shared = result[0].keys() & result[1].keys()
    certain = {
        name for name in shared if _is_usual(base, name, result[0][name]) and _is_usual(head, name, result[1][name])
    }
    perhaps = (result[0].keys() | result[1].keys()) - certain
    theirs = {name for name, of in distributions.items() if not own & {_normal(name) for name in of}}
    ours = {name for name, of in distributions.items() if own & {_normal(name) for name in of}}
    return tuple(
        sorted(certain | {name for name in perhaps if name.split(".")[0] not in theirs} | _alone(ours, result))
    )


def modules(tree: Path) -> dict[str, str]:
    """Outermost packages and modules of a tree by their dotted names, each with the folder that is to be searched for it."""
    listed = git.run(tree, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode:
        raise GateError(
            f"git does not tell what {tree} holds: {git.words(listed.stderr)}; see that git ls-files works there"
        )
    files = {name for name in listed.stdout.split("\0") if name.endswith((".py", ".pyx"))}
    packages = {str(PurePosixPath(file).parent) for file in files if file.endswith("/__init__.py")}
    result: dict[str, str] = {}
    for text in sorted(files):
        path = PurePosixPath(text)
        for root in _roots(path, packages):
            name = _name(path.relative_to(root), root, packages)
            first, last = name.split(".")[0], name.split(".")[-1]
            if name and first not in sys.stdlib_module_names and last not in BESIDE and not last.startswith("test_"):
                result.setdefault(name, "" if root == "." else root)
    return result


def _roots(path: PurePosixPath, packages: set[str]) -> Iterable[str]:
    """Folders from which a file may be imported: the usual ones, and the one that holds its outermost package."""
    parents = [str(parent) for parent in path.parents]
    yield from (parent for parent in parents if parent in (root or "." for root in ROOTS))
    outermost = next((parent for parent in reversed(parents) if parent in packages), None)
    if outermost is not None:
        yield str(PurePosixPath(outermost).parent)


def _name(path: PurePosixPath, root: str, packages: set[str]) -> str:
    """The dotted name of the outermost package, or module, on the way to a file."""
    parts: list[str] = []
    for part in path.parts[:-1]:
        parts.append(part)
        if not part.isidentifier():
            return ""
        if str(PurePosixPath(root, *parts)) in packages:
            return ".".join(parts)
    return ".".join([*parts, path.stem]) if path.stem.isidentifier() else ""


def _is_usual(tree: Path, name: str, root: str) -> bool:
    """Whether a tree has it where packages are. Single files in the top folder are scripts, whose names others' modules may have."""
    return root in ROOTS and (bool(root) or (tree / name.replace(".", "/")).is_dir())


def _alone(ours: set[str], result: list[dict[str, str]]) -> set[str]:
    """Names that the project installs and no tree shows: those that are shared, as acme of acme.shapes, are told by the trees."""
    shown = {name.split(".")[0] for of_tree in result for name in of_tree}
    return {name for name in ours if name not in shown and name.isidentifier() and name not in sys.stdlib_module_names}


def titles(tree: Path) -> list[str]:
    """A project's names in its own settings; none where it has none."""
    settings = read_toml(tree / "pyproject.toml")
    said = [_at(settings, "project", "name"), _at(settings, "tool", "poetry", "name")]
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(tree / "setup.cfg", encoding="utf-8")
        said.append(parser.get("metadata", "name", fallback=""))
    except (configparser.Error, UnicodeDecodeError):
        pass
    path = tree / "setup.py"
    script = path.read_text(errors="replace") if path.is_file() else ""
    said += re.findall(r"""\bname\s*=\s*["']([\w.-]+)["']""", script)[:1]
    return [item for item in said if isinstance(item, str) and item]


def read_toml(path: Path) -> dict[str, Any]:
    """A file's tables; none where it is absent or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _at(item: Any, *keys: str) -> Any:
    for key in keys:
        try:
            item = item[key]
        except (KeyError, TypeError):
            return None
    return item


def _installed_from(head: Path) -> set[str]:
    """Names of what is installed here from head's tree."""
    texts: set[str] = set()
    for distribution in importlib.metadata.distributions():
        try:
            item = json.loads(distribution.read_text("direct_url.json") or "{}")
        except ValueError:
            continue
        if str(_at(item, "url")).rstrip("/") == head.resolve().as_uri():
            texts.add(_normal(distribution.name))
    return texts


def _normal(name: str | None) -> str:
    """A distribution's name as all its spellings have it; what an installation left half has none."""
    return re.sub(r"[-_.]+", "-", name or "").lower()
