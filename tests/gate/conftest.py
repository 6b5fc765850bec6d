"""Small repositories that hold a copy of this package and a suite of scripted times."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import lambdabench
from lambdabench.gate import git

SUITE = """
schema = 1
metrics = ["latency"]
[defaults]
backend = "fake"
device = "fake"
image_px = 8
[[grid]]
model = ["quick", "slow"]
options = { latency_s = 0.010 }
[[grid]]
model = "other"
options = { latency_s = 0.020 }
"""
IGNORED = ("__pycache__", "kernels", "layers", "facts", "plots", "report", "tasks", "gate", "cli", "commands")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A git repository in a folder of the test's."""

    folder: Path

    def git(self, *arguments: str) -> str:
        command = ("git", "-C", str(self.folder), *arguments)
        apart = git.environment()  # the tests themselves may be run by a hook
        return subprocess.run(command, check=True, capture_output=True, text=True, env=apart).stdout.strip()

    def write(self, path: str, text: str) -> None:
        where = self.folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.folder / path).read_text()
        assert text.count(old) == 1, path
        self.write(path, text.replace(old, new))

    def commit(self, message: str = "a change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def make_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Repository]:
    for key, value in {"NAME": "A", "EMAIL": "a@example.org"}.items():
        monkeypatch.setenv(f"GIT_AUTHOR_{key}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{key}", value)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    def make(name: str = "repository") -> Repository:
        made = Repository(folder=tmp_path / name)
        made.folder.mkdir()
        made.git("init", "--quiet", "--initial-branch", "main")
        return made

    return make


@pytest.fixture
def repository(make_repository: Callable[[str], Repository]) -> Repository:
    """The package and a suite of three scripted cases, committed."""
    made = make_repository("repository")
    source = Path(lambdabench.__file__).parent
    shutil.copytree(source, made.folder / "lambdabench", ignore=shutil.ignore_patterns(*IGNORED))
    made.write("suites/scripted.toml", SUITE)
    made.commit("first")
    return made
