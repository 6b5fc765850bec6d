"""The two trees of code: the merge base, checked out beside the working tree and taken away again."""

import contextlib
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import GateError
from . import folder_owners, git, scratch_folders

DEEPEN = (50, 500)
"""Commits by which a shallow clone is deepened, in turn, before all of it is fetched."""
CHECKOUT = "base"
LOCKED = "lambdabench check"
"""Begins the reason for which git keeps a checkout of ours; its owner follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Base and head of one repository. `changed`: the working tree differs from head's commit, and is what is measured."""

    repository: Path
    base: str
    head: str
    changed: bool
    untracked: bool = False
    """Whether it holds files that git neither knows nor ignores."""

    @property
    def title(self) -> str:
        """ "3f2a91c (merge base) → 8c1e077"."""
        return f"{self.base[:7]} (merge base) → {self.head[:7]}{' with changes' if self.changed else ''}"


def find(reference: str, folder: Path) -> Trees:
    """Merge base of `reference` and HEAD in the repository around `folder`. Raises GateError with what to do."""
    repository = _repository(folder)
    head = git.answer(repository, "rev-parse", "--verify", "HEAD^{commit}")
    if head is None:
        raise GateError(f"{repository} has no commit yet; commit first: check compares with an earlier one")
    status = git.run(repository, "status", "--porcelain")
    if status.returncode:
        raise GateError(
            f"{repository}: git cannot tell what has changed: {git.words(status.stderr)}; see that git status works there"
        )
    untracked = [line.startswith("??") for line in status.stdout.splitlines()]
    return Trees(
        repository=repository,
        base=_merge_base(repository, reference),
        head=head,
        changed=not all(untracked),
        untracked=any(untracked),
    )


@contextlib.contextmanager
def checked_out(trees: Trees) -> Generator[Path]:
    """A folder with base's files, gone afterwards; what checks that were killed have left goes before."""
    prune(trees.repository)
    with scratch_folders.folder("check") as own:
        folder = own / CHECKOUT
        try:
            done = git.run(trees.repository, "worktree", "add", "--detach", "--force", str(folder), trees.base)
            if done.returncode:
                name = git.words(done.stderr)
                raise GateError(
                    f"the merge base {trees.base[:7]} cannot be checked out: {name}; see that git worktree add works there"
                )
            reason = f"{LOCKED} {folder_owners.ourselves()}"
            git.run(trees.repository, "worktree", "lock", "--reason", reason, str(folder))
            yield folder
        finally:
            _remove(trees.repository, folder)


def prune(repository: Path) -> None:
    """Takes away the checkouts and folders of checks that were killed: none of a check that runs, none of anybody else's."""
    here = folder_owners.ourselves()
    for folder, reason in _checkouts(repository):
        owner = scratch_folders.owner_of(folder.parent) or folder_owners.parse(reason.removeprefix(LOCKED))
        if folder_owners.is_dead(owner, here) if owner is not None else not folder.parent.exists():
            _remove(repository, folder)
    scratch_folders.prune()


def _checkouts(repository: Path) -> Iterator[tuple[Path, str]]:
    """Those that checks have made in a repository, each with the reason for which git keeps it."""
    for block in (git.answer(repository, "worktree", "list", "--porcelain") or "").split("\n\n"):
        lines = {line.partition(" ")[0]: line.partition(" ")[2] for line in block.splitlines()}
        folder = Path(lines.get("worktree", ""))
        if folder.name == CHECKOUT and folder.parent.name.startswith(f"{scratch_folders.PREFIX}check-"):
            yield folder, lines.get("locked", "")


def _remove(repository: Path, folder: Path) -> None:
    """A checkout with its registration, which git takes away where the folder is gone too."""
    git.run(repository, "worktree", "remove", "--force", "--force", str(folder))


def _repository(folder: Path) -> Path:
    """The top of the working tree around a folder."""
    done = git.run(folder, "rev-parse", "--show-toplevel")
    if not done.returncode:
        return Path(done.stdout.removesuffix("\n"))
    text = git.words(done.stderr)
    if "not a git repository" in text:
        bound = [name for name in ("GIT_DIR", "GIT_WORK_TREE") if name in os.environ]
        aside = f" ({', '.join(bound)} are not followed)" if bound else ""
        raise GateError(f"{folder} is in no git repository; run check inside the one to be checked{aside}")
    mend = "; check compares a working tree: run it in one" if "work tree" in text else ""
    raise GateError(f"{folder}: git says: {text}{mend}")


def _merge_base(repository: Path, reference: str) -> str:
    name = _known(repository, reference) and git.answer(repository, "merge-base", "HEAD", reference)
    shallow = git.answer(repository, "rev-parse", "--is-shallow-repository") == "true"
    if not name and shallow:
        name = _deepened(repository, reference)
    if name:
        return name
    if shallow:
        raise GateError(
            f"this clone is shallow and holds no commit that HEAD and {reference} share, and it could not be deepened; "
            "with actions/checkout say fetch-depth: 0"
        )
    if not _known(repository, reference):
        raise GateError(f"--base: no commit is called {reference!r} here; git fetch it, or name one that git log shows")
    raise GateError(f"--base: HEAD and {reference} have no commit in common; name the branch that HEAD came from")


def _deepened(repository: Path, reference: str) -> str | None:
    """The merge base after fetching more history, or None. A reference that is unknown is fetched as the remote's branch."""
    branch = reference.removeprefix("origin/")
    wanted = (
        ("origin", f"+refs/heads/{branch}:refs/remotes/origin/{branch}") if not _is_hash(reference) else ("origin",)
    )
    for step in (*(f"--deepen={count}" for count in DEEPEN), "--unshallow"):
        git.run(repository, "fetch", "--quiet", "--no-tags", step, *wanted)
        for name in (reference, f"origin/{branch}"):
            text = _known(repository, name) and git.answer(repository, "merge-base", "HEAD", name)
            if text:
                return text
    return None


def _is_hash(reference: str) -> bool:
    return 7 <= len(reference) <= 40 and set(reference) <= set("0123456789abcdef")


def _known(repository: Path, reference: str) -> bool:
    return git.answer(repository, "rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}") is not None
