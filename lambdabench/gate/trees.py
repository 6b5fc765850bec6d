"""The two trees of code: the merge base, checked out beside the working tree and taken away again."""

import contextlib
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import LambdabenchError

DEEPEN = (50, 500)
"""Commits by which a shallow clone is deepened, in turn, before all of it is fetched."""
FETCH_LIMIT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Base and head of one repository. `changed`: the working tree differs from head's commit, and is what is measured."""

    repository: Path
    base: str
    head: str
    changed: bool

    @property
    def title(self) -> str:
        """ "3f2a91c (merge base) → 8c1e077"."""
        return f"{self.base[:7]} (merge base) → {self.head[:7]}{' with changes' if self.changed else ''}"


def find(reference: str, folder: Path) -> Trees:
    """Merge base of `reference` and HEAD in the repository around `folder`. Raises LambdabenchError with what to do."""
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None:
        raise LambdabenchError(f"{folder} is in no git repository; run check inside the one to be checked")
    repository = Path(top)
    head = _git(repository, "rev-parse", "--verify", "HEAD^{commit}")
    if head is None:
        raise LambdabenchError(f"{repository} has no commit yet")
    return Trees(
        repository=repository,
        base=_merge_base(repository, reference),
        head=head,
        changed=bool(_git(repository, "status", "--porcelain", "--untracked-files=no")),
    )


@contextlib.contextmanager
def checked_out(trees: Trees) -> Generator[Path]:
    """A folder with base's files, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-check-") as name:
        folder = Path(name).resolve() / "base"
        done = _run(trees.repository, "worktree", "add", "--detach", "--force", str(folder), trees.base)
        if done.returncode:
            raise LambdabenchError(f"the merge base {trees.base[:7]} cannot be checked out: {_last(done.stderr)}")
        try:
            yield folder
        finally:
            _run(trees.repository, "worktree", "remove", "--force", str(folder))


def _merge_base(repository: Path, reference: str) -> str:
    found = _known(repository, reference) and _git(repository, "merge-base", "HEAD", reference)
    shallow = _git(repository, "rev-parse", "--is-shallow-repository") == "true"
    if not found and shallow:
        found = _deepened(repository, reference)
    if found:
        return found
    if shallow:
        raise LambdabenchError(
            f"this clone is shallow and holds no commit that HEAD and {reference} share, and it could not be deepened; "
            "with actions/checkout say fetch-depth: 0"
        )
    if not _known(repository, reference):
        raise LambdabenchError(
            f"--base: no commit is called {reference!r} here; git fetch it, or name one that git log shows"
        )
    raise LambdabenchError(f"--base: HEAD and {reference} have no commit in common")


def _deepened(repository: Path, reference: str) -> str | None:
    """The merge base after fetching more history, or None. A reference that is unknown is fetched as the remote's branch."""
    branch = reference.removeprefix("origin/")
    wanted = (
        ("origin", f"+refs/heads/{branch}:refs/remotes/origin/{branch}") if not _is_hash(reference) else ("origin",)
    )
    for step in (*(f"--deepen={count}" for count in DEEPEN), "--unshallow"):
        _run(repository, "fetch", "--quiet", "--no-tags", step, *wanted)
        for name in (reference, f"origin/{branch}"):
            found = _known(repository, name) and _git(repository, "merge-base", "HEAD", name)
            if found:
                return found
    return None


def _is_hash(reference: str) -> bool:
    return 7 <= len(reference) <= 40 and set(reference) <= set("0123456789abcdef")


def _known(repository: Path, reference: str) -> bool:
    return _git(repository, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}") is not None


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None where it fails."""
    done = _run(folder, *arguments)
    return None if done.returncode else done.stdout.strip()


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ("git", "-C", str(folder), *arguments)
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=FETCH_LIMIT_S)
    except FileNotFoundError as error:
        raise LambdabenchError("check needs git, which is not installed here") from error
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"git took over {FETCH_LIMIT_S:g} s")


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["git gave no reason"])[-1]
