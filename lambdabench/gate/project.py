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
    found = [modules(base), modules(head)]
    distributions = importlib.metadata.packages_distributions()
    own = {_normal(one) for tree in (base, head) for one in titles(tree)} | _installed_from(head)
    shared = found[0].keys() & found[1].keys()
    certain = {one for one in shared if _is_usual(base, one, found[0][one]) and _is_usual(head, one, found[1][one])}
    perhaps = (found[0].keys() | found[1].keys()) - certain
    theirs = {name for name, of in distributions.items() if not own & {_normal(one) for one in of}}
    ours = {name for name, of in distributions.items() if own & {_normal(one) for one in of}}
    return tuple(sorted(certain | {one for one in perhaps if one.split(".")[0] not in theirs} | _alone(ours, found)))


def modules(tree: Path) -> dict[str, str]:
    """Outermost packages and modules of a tree by their dotted names, each with the folder that is to be searched for it."""
    listed = git.run(tree, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode:
        raise GateError(f"git does not tell what {tree} holds: {git.words(listed.stderr)}")
    files = {one for one in listed.stdout.split("\0") if one.endswith((".py", ".pyx"))}
    packages = {str(PurePosixPath(one).parent) for one in files if one.endswith("/__init__.py")}
    found: dict[str, str] = {}
    for one in sorted(files):
        path = PurePosixPath(one)
        for root in _roots(path, packages):
            name = _name(path.relative_to(root), root, packages)
            first, last = name.split(".")[0], name.split(".")[-1]
            if name and first not in sys.stdlib_module_names and last not in BESIDE and not last.startswith("test_"):
                found.setdefault(name, "" if root == "." else root)
    return found


def _roots(path: PurePosixPath, packages: set[str]) -> Iterable[str]:
    """Folders from which a file may be imported: the usual ones, and the one that holds its outermost package."""
    parents = [str(one) for one in path.parents]
    yield from (one for one in parents if one in (root or "." for root in ROOTS))
    outermost = next((one for one in reversed(parents) if one in packages), None)
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


def _alone(ours: set[str], found: list[dict[str, str]]) -> set[str]:
    """Names that the project installs and no tree shows: those that are shared, as acme of acme.shapes, are told by the trees."""
    shown = {one.split(".")[0] for of_tree in found for one in of_tree}
    return {one for one in ours if one not in shown and one.isidentifier() and one not in sys.stdlib_module_names}


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
    return [one for one in said if isinstance(one, str) and one]


def read_toml(path: Path) -> dict[str, Any]:
    """A file's tables; none where it is absent or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _at(found: Any, *keys: str) -> Any:
    for key in keys:
        try:
            found = found[key]
        except (KeyError, TypeError):
            return None
    return found


def _installed_from(head: Path) -> set[str]:
    """Names of what is installed here from head's tree."""
    found: set[str] = set()
    for one in importlib.metadata.distributions():
        try:
            told = json.loads(one.read_text("direct_url.json") or "{}")
        except ValueError:
            continue
        if str(_at(told, "url")).rstrip("/") == head.resolve().as_uri():
            found.add(_normal(one.name))
    return found


def _normal(name: str | None) -> str:
    """A distribution's name as all its spellings have it; what an installation left half has none."""
    return re.sub(r"[-_.]+", "-", name or "").lower()
