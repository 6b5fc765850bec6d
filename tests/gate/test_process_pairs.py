"""A project that knows nothing of us: its own pytest-benchmark tests on two commits, in pairs of processes."""

import subprocess
from pathlib import Path

import pytest

from lambdabench import gate
from lambdabench.core.errors import LambdabenchError, NothingMeasuredError
from lambdabench.gate.process_pairs import _controls, _verdict
from lambdabench.gate.verdicts import settle

CODE = "def work(n=4000):\n    return sum(i * i for i in range(n))\n"
TESTS = """from thing import work

def test_work(benchmark):
    benchmark.pedantic(work, rounds=15, warmup_rounds=3)

def test_steady(benchmark):
    benchmark.pedantic(sum, args=(range(50000),), rounds=15, warmup_rounds=3)
"""


def git(folder: Path, *words: str) -> None:
    own = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *own, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "theirs"
    (root / "src").mkdir(parents=True)
    (root / "bench").mkdir()
    (root / "src" / "thing.py").write_text(CODE)
    (root / "bench" / "test_thing.py").write_text(TESTS)
    git(tmp_path, "init", "-q", "-b", "main", str(root))
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    return root


def test_each_side_runs_its_own_code_under_heads_tests(project: Path) -> None:
    (project / "src" / "thing.py").write_text(CODE.replace("4000", "12000"))
    (project / "bench" / "test_thing.py").write_text(TESTS.replace("test_steady", "test_renamed"))
    request = gate.TestsRequest(base="main", path=project / "bench", repository=project, rounds=2)
    done = gate.check_tests(request)
    found = {one.name.rpartition("::")[2]: one for one in done.verdicts}
    assert set(found) == {"test_work", "test_renamed"}
    work = found["test_work"]
    assert work.change is not None
    assert work.change.value > 0.8
    assert work.finding == "unclear", "two pairs decide nothing"
    assert done.exit_code == 3
    assert done.sides.head_commit.endswith("+")


def test_what_cannot_be_run_says_so(project: Path) -> None:
    with pytest.raises(LambdabenchError, match="there is no"):
        gate.check_tests(gate.TestsRequest(base="main", path=project / "nowhere", repository=project))
    (project / "bench" / "test_thing.py").write_text("import absent\n")
    with pytest.raises(NothingMeasuredError, match="passes on head; try pytest bench"):
        gate.check_tests(gate.TestsRequest(base="main", path=project / "bench", repository=project))


def test_ten_pairs_tell_five_percent_from_none() -> None:
    noise = [0.01, -0.02, 0.005, 0.0, -0.01, 0.02, -0.005, 0.01, -0.015, 0.0]
    rounds = [
        {"base": {"a": 1.0, "b": 1.0}, "head": {"a": 1.05 + one, "b": 1.0 + one}, "again": {"a": 1.05, "b": 1.0}}
        for one in noise
    ]
    slow, same = settle([_verdict(name, rounds, "base", "head") for name in ("a", "b")])
    assert (slow.finding, same.finding) == ("slower", "same")


def test_new_and_failing_tests_are_told_apart() -> None:
    both = {"a": 1.0, "b": 1.0}
    rounds = [{"base": {"a": 1.0}, "head": both, "again": both} for _ in range(8)]
    assert _verdict("b", rounds, "base", "head").finding == "new"
    rounds[3] = {"base": both, "head": {}, "again": both}
    assert _verdict("a", rounds, "base", "head").finding == "failed"


def test_the_controls_are_heads_second_process() -> None:
    noise = [0.01, -0.02, 0.005, 0.0, -0.01, 0.02, -0.005, 0.01, -0.015, 0.0]
    rounds = [{"base": {"a": 9.0}, "head": {"a": 1.0}, "again": {"a": 1.0 + one}} for one in noise]
    controls = _controls(["a"], rounds)
    assert controls.hold
    broken = [one | {"again": {"a": 1.3 + noise[index]}} for index, one in enumerate(rounds)]
    assert not _controls(["a"], broken).hold
