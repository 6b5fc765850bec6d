"""`--build CMD`: an environment for each side, kept by commit where it holds all that it needs."""

import contextlib
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Generator
from pathlib import Path

from ..core import caches
from ..core.errors import GateError
from . import git, scratch_folders
from .trees import Trees

LIMIT_S = 1800.0
BUILT = "built"
"""The file that says of an environment that it may be used again."""


@contextlib.contextmanager
def pythons(trees: Trees, base: Path, command: str) -> Generator[tuple[Path, Path]]:
    """(Base's interpreter, head's), each of an environment into which `command` has installed that side."""
    scratch_folders.prune_in(_place())
    head = "" if trees.changed or trees.untracked else trees.head
    with python_of(base, trees.base, command) as of_base, python_of(trees.repository, head, command) as of_head:
        yield of_base, of_head


@contextlib.contextmanager
def python_of(tree: Path, commit: str, command: str) -> Generator[Path]:
    """The interpreter of an environment into which `command`, run in `tree`, has installed that side.

    `commit` is empty for a tree that is no commit: it is built anew, as is one whose packages lie in the tree itself (an editable
    install), and both are gone afterwards. Packages of this environment are seen behind its own. Raises GateError.
    """
    key = hashlib.sha256(f"{commit or tree}\0{command}\0{sys.version}\0{sys.prefix}".encode()).hexdigest()[:16]
    home = _kept(key) if commit else None
    if home is None:
        try:
            _place().mkdir(parents=True, exist_ok=True)
            home = Path(tempfile.mkdtemp(prefix=f"{key}-", dir=_place()))
            scratch_folders.claim(home)
        except OSError as error:
            raise GateError(
                f"--build: no environment can be made in {_place()}: {error.strerror or error}; "
                "make room there, or let LAMBDABENCH_CACHE name another place"
            ) from error
    try:
        if not (home / BUILT).exists():
            _build(home, tree, command)
            if commit and not _leads_into(_site(home), tree):
                (home / BUILT).touch()
                (home / scratch_folders.OWNER).unlink()
        yield home / "bin" / "python"
    finally:
        if not (home / BUILT).exists():
            shutil.rmtree(home, ignore_errors=True)


def _place() -> Path:
    return caches.folder() / "check"


def _kept(key: str) -> Path | None:
    """An environment that was built before and still has its interpreter."""
    whole = (path for path in sorted(_place().glob(f"{key}-*")) if (path / BUILT).exists())
    return next((path for path in whole if (path / "bin" / "python").exists()), None)


def _build(home: Path, tree: Path, command: str) -> None:
    python = home / "bin" / "python"
    outer = importlib.util.find_spec("pip") is not None
    _call([sys.executable, "-m", "venv", *(["--without-pip"] if outer else []), str(home)], tree, git.environment())
    if outer:  # this environment's pip, seen from there, installs there
        (home / "bin" / "pip").write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -m pip "$@"\n')
        (home / "bin" / "pip").chmod(0o755)
    (_site(home) / "zz_outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    inside = git.environment() | {
        "VIRTUAL_ENV": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    inside.pop("PYTHONPATH", None)
    _call(["sh", "-ec", command], tree, inside)


def _site(home: Path) -> Path:
    return next((home / "lib").glob("python*")) / "site-packages"


def _leads_into(site: Path, tree: Path) -> bool:
    """Whether what is installed lies in a tree, as editable installs do, and goes or changes with it."""
    for path in site.iterdir():
        if path.is_symlink() and path.resolve().is_relative_to(tree.resolve()):
            return True
        if path.suffix in (".pth", ".egg-link", ".py") and _names(path, tree):
            return True
        if _is_editable(path / "direct_url.json") and _names(path / "direct_url.json", tree):
            return True
    return False


def _is_editable(path: Path) -> bool:
    try:
        return bool(json.loads(path.read_text())["dir_info"]["editable"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _names(file: Path, tree: Path) -> bool:
    text = file.read_text(errors="replace")
    return any(str(path) in text or path.as_uri() in text for path in (tree.absolute(), tree.resolve()))


def _call(command: list[str], place: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, errors="replace", check=False,
            timeout=LIMIT_S, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise GateError(
            f"--build: {' '.join(command)} took over {LIMIT_S:g} s in {place}; install less, or what is built already"
        ) from error
    if done.returncode:
        said = [line.strip() for line in (done.stderr or done.stdout).splitlines()]
        last = " / ".join([name for name in said if name and not name.startswith(("note: ", "hint: "))][-3:])
        raise GateError(f"--build: {' '.join(command)} failed in {place}: {last}; mend it until it runs there by hand")
