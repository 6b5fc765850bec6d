"""The two sides of a comparison: the working tree, and the merge base with a ref in a worktree beside it."""

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.errors import LambdabenchError

DEEPEN = 500
"""Commits that a shallow clone is deepened by before it is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Folders on both sides, of the tree or of a package in it, and the commits that they are."""

    base: Path
    head: Path
    base_commit: str
    head_commit: str
    """With "+" where the working tree differs from it."""


@contextlib.contextmanager
def trees(ref: str, repository: Path) -> Iterator[Sides]:
    """The working tree, and the merge base of HEAD and `ref` in a worktree that is gone afterwards. Raises LambdabenchError."""
    root = root_of(repository)
    base = merge_base(root, ref)
    with tempfile.TemporaryDirectory(prefix="lambdabench-base-") as name:
        tree = Path(name) / "tree"
        _git(root, "worktree", "add", "--detach", "--quiet", str(tree), base)
        try:
            yield Sides(base=tree, head=root, base_commit=base[:7], head_commit=_head(root))
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


@contextlib.contextmanager
def sides(ref: str, repository: Path, package: str) -> Iterator[Sides]:
    """The folders of `package` in both trees. Raises LambdabenchError where a side has none, and what `trees` raises."""
    with trees(ref, repository) as both:
        if not (both.head / package / "__init__.py").is_file():
            raise LambdabenchError(f"{both.head} has no package {package}: run check in a checkout of the project")
        if not (both.base / package / "__init__.py").is_file():
            raise LambdabenchError(
                f"{package} is not there at {both.base_commit} ({ref}); nothing can be compared with it"
            )
        yield replace(both, base=both.base / package, head=both.head / package)


def root_of(repository: Path) -> Path:
    """The top of the checkout that a folder is in. Raises LambdabenchError where it is in none."""
    return Path(_git(repository, "rev-parse", "--show-toplevel"))


def merge_base(root: Path, ref: str) -> str:
    """The last commit that HEAD and `ref` share. A shallow clone is deepened once. Raises LambdabenchError."""
    if _try(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}") is None:
        raise LambdabenchError(
            f"there is no commit {ref!r} in {root}; fetch it first (actions/checkout: fetch-depth: 0)"
        )
    found = _try(root, "merge-base", "HEAD", ref)
    if found is None and _git(root, "rev-parse", "--is-shallow-repository") == "true":
        _try(root, "fetch", "--quiet", f"--deepen={DEEPEN}")
        found = _try(root, "merge-base", "HEAD", ref)
        if found is None:
            raise LambdabenchError(
                f"this clone is too shallow to find what HEAD and {ref} share; clone with fetch-depth: 0"
            )
    if found is None:
        raise LambdabenchError(f"HEAD and {ref} have no common commit")
    return found


def _head(root: Path) -> str:
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return _git(root, "rev-parse", "--short=7", "HEAD") + ("+" if changed else "")


def _git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["no message"]
        raise LambdabenchError(f"git {words[0]} in {folder}: {said[-1]}")
    return done.stdout.strip()


def _try(folder: Path, *words: str) -> str | None:
    try:
        return _git(folder, *words)
    except LambdabenchError:
        return None
