"""The gate on a repository of two commits: equal code passes, real extra work is caught and named, what is broken is said."""

import shutil
import subprocess
from pathlib import Path

import pytest

import lambdabench
from lambdabench import gate, suite
from lambdabench.core.errors import LambdabenchError, SuiteError
from lambdabench.gate.commits import merge_base

LAYER = "squeeze_excitation"
SUITE = f"""schema = 1
metrics = ["latency"]
[defaults]
kind = "layer"
device = "cpu"
threads = 1
[[grid]]
model = "{LAYER}"
rows = [{{ image_px = 56, options = {{ dim = 64 }} }}]
"""
BODY = "        return x * "


def git(folder: Path, *words: str) -> str:
    own = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One commit of this package."""
    root = tmp_path / "project"
    package = root / "lambdabench"
    shutil.copytree(Path(lambdabench.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".gitignore").write_text("__pycache__/\n")
    git(tmp_path, "init", "-q", "-b", "main", str(root))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    return root


@pytest.fixture
def request_(repository: Path) -> gate.Request:
    path = repository.parent / "one.toml"
    path.write_text(SUITE)
    return gate.Request(suite=suite.load(str(path)), base="main", repository=repository, budget_s=8.0)


def edit(repository: Path, old: str, new: str) -> None:
    path = repository / "lambdabench" / "layers" / LAYER / "torch.py"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_equal_code_is_not_slower_and_the_controls_run(request_: gate.Request) -> None:
    done = gate.check(request_)
    (only,) = done.verdicts
    assert only.finding in ("same", "unclear")
    assert only.name == f"{LAYER} 56 inference dim=64"
    assert done.controls.canary is not None
    assert done.controls.canary.change is not None
    assert done.controls.canary.change.value > 0.03
    assert (done.declared, done.sides.base_commit) == (1, done.sides.head_commit)


def test_real_extra_work_is_caught_and_the_commit_is_the_merge_base(request_: gate.Request, repository: Path) -> None:
    git(repository, "checkout", "-q", "-b", "feature")
    edit(repository, BODY, "        (x * 2).sum()\n        (x * 2).sum()\n" + BODY)
    git(repository, "commit", "-q", "-a", "-m", "slow")
    git(repository, "checkout", "-q", "main")
    edit(repository, BODY, "        # later\n" + BODY)
    git(repository, "commit", "-q", "-a", "-m", "main goes on")
    git(repository, "checkout", "-q", "feature")
    assert merge_base(repository, "main") == git(repository, "rev-parse", "main~1")
    done = gate.check(request_)
    (only,) = done.verdicts
    assert only.change is not None
    assert only.change.value > 0.05
    assert only.finding == "slower"
    assert only.reason == "3/3 processes"
    assert done.exit_code in (1, 3)
    assert git(repository, "worktree", "list").count("\n") == 0


def test_what_fails_or_answers_otherwise_on_head_is_named(request_: gate.Request, repository: Path) -> None:
    edit(repository, BODY, "        return 1.5 * x * ")
    done = gate.check(request_)
    assert done.verdicts[0].finding == "different"
    assert done.exit_code == 1
    assert done.sides.head_commit.endswith("+")


def test_what_cannot_be_compared_says_why(request_: gate.Request, repository: Path, tmp_path: Path) -> None:
    with pytest.raises(LambdabenchError, match=r"no commit 'nowhere'.*fetch-depth: 0"):
        merge_base(repository, "nowhere")
    with pytest.raises(SuiteError, match="no case of one matches 'x'"):
        gate.check(gate.Request(suite=request_.suite, base="main", repository=repository, only="x"))
    shallow = tmp_path / "shallow"
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", str(shallow))
    git(shallow, "checkout", "-q", "--orphan", "other")
    git(shallow, "commit", "-q", "-m", "alone")
    with pytest.raises(LambdabenchError, match=r"fetch-depth: 0|no common commit"):
        merge_base(shallow, "main")
    (repository / "lambdabench" / "__init__.py").unlink()
    with pytest.raises(LambdabenchError, match="has no package"):
        gate.check(request_)


def test_the_self_test_tells_its_rates(request_: gate.Request) -> None:
    said: list[str] = []
    done = gate.self_test(request_, 1, said.append)
    assert [one.trials for one in done.rates] == [1, 1, 1]
    assert said[0].startswith(f"1/1 {LAYER} 56 inference dim=64: equal ")
    assert done.exit_code in (0, 3)
    low, high = done.rates[0].interval
    assert 0 <= low < high <= 1
