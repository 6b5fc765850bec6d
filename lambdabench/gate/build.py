"""`--build CMD`: an environment for each side, kept by commit."""

import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from ..core.errors import LambdabenchError
from ..core.registry import ROOT
from . import git
from .trees import Trees

LIMIT_S = 1800.0


def python_of(tree: Path, commit: str, command: str) -> Path:
    """The interpreter of an environment into which `command`, run in `tree`, has installed that side.

    `commit` is empty for a tree that is no commit: it is built anew. Packages of this environment are seen behind its own.
    """
    key = hashlib.sha256(f"{commit or tree}\0{command}\0{sys.version}\0{sys.prefix}".encode()).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / ROOT / "check" / key
    python = home / "bin" / "python"
    if commit and (home / "built").exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    outer = importlib.util.find_spec("pip") is not None
    _call([sys.executable, "-m", "venv", *(["--without-pip"] if outer else []), str(home)], tree, git.environment())
    if outer:  # this environment's pip, seen from there, installs there
        (home / "bin" / "pip").write_text(f'#!/bin/sh\nexec {shlex.quote(str(python))} -m pip "$@"\n')
        (home / "bin" / "pip").chmod(0o755)
    site = next((home / "lib").glob("python*")) / "site-packages"
    (site / "zz_outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    inside = git.environment() | {
        "VIRTUAL_ENV": str(home),
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
    }
    inside.pop("PYTHONPATH", None)
    _call(["sh", "-ec", command], tree, inside)
    (home / "built").touch()
    return python


def pythons(trees: Trees, base: Path, command: str) -> tuple[Path, Path]:
    """(Base's interpreter, head's)."""
    head = "" if trees.changed else trees.head
    return python_of(base, trees.base, command), python_of(trees.repository, head, command)


def _call(command: list[str], place: Path, environment: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise LambdabenchError(f"--build: {' '.join(command)} took over {LIMIT_S:g} s in {place}") from error
    if done.returncode:
        last = " / ".join((done.stderr or done.stdout).strip().splitlines()[-3:])
        raise LambdabenchError(f"--build: {' '.join(command)} failed in {place}: {last}")
