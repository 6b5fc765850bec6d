"""git as the gate calls it: on the repository around a folder and on no other, whatever a hook has told its children."""

import functools
import os
import subprocess
from pathlib import Path

from ..core.errors import GateError

LIMIT_S = 300.0
"""Of one call; a fetch may be long."""
QUIET = {"LC_ALL": "C", "LANGUAGE": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
"""Words that can be looked for, no question that nobody sees, and no lock that somebody's own git would run into."""
NO_HOOKS = ("-c", f"core.hooksPath={os.devnull}")
"""A repository's hooks are for its people's work: post-checkout would run in base's tree."""


@functools.cache
def local_variables() -> tuple[str, ...]:
    """Variables that bind git to one repository, its index or its settings, as git names them; a hook's children inherit them."""
    try:
        done = subprocess.run(("git", "rev-parse", "--local-env-vars"), capture_output=True, text=True, check=False)
    except OSError:
        return ()
    return tuple(done.stdout.split())


def environment() -> dict[str, str]:
    """Our variables without those: what git, and whatever may call it, is started with."""
    return {name: value for name, value in os.environ.items() if name not in local_variables()}


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """git in a folder; it fails where it takes too long. Raises GateError where there is no git."""
    command = ("git", "-C", str(folder), *NO_HOOKS, *arguments)
    try:
        return subprocess.run(
            command, capture_output=True, check=False, timeout=LIMIT_S, stdin=subprocess.DEVNULL,
            encoding="utf-8", errors="surrogateescape", env=environment() | QUIET,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise GateError("check needs git, which is not installed here; install git") from error
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"git took over {LIMIT_S:g} s")


def answer(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None where it fails."""
    done = run(folder, *arguments)
    return None if done.returncode else done.stdout.strip()


def words(text: str) -> str:
    """git's own words, in one line."""
    return " / ".join(line.strip() for line in text.splitlines() if line.strip()) or "git gave no reason"
