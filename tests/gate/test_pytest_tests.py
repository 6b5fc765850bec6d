"""A user's own pytest-benchmark tests, which know nothing of us: two commits of them in one process."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.analysis import gate_rule
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.gate_protocol import Rules
from lambdabench.gate import check, overlay, pytest_tests
from lambdabench.gate.result import Result

from .conftest import Repository

INNER = """
def total(n):
    found = 0
    for i in range(n):
        found += i * i
    return found
"""
PACKAGE = """
from .inner import total

def late(n):
    from . import inner  # looked up at every call: by whichever side runs
    return inner.total(n)
"""
TESTS = """
import shapes

def test_total(benchmark, size):
    assert benchmark(shapes.total, size) > 0

def test_late(benchmark):
    benchmark(shapes.late, 3000)

def test_sorting(benchmark):
    benchmark.pedantic(sorted, setup=lambda: ((list(range(5000, 0, -1)),), {}), rounds=3)
    assert benchmark.stats.stats.mean > 0

def test_plain():
    assert shapes.total(3) == 5
"""
SEVERAL = "-n 2 --dist loadfile" if importlib.util.find_spec("xdist") else ""
"""A project may run its tests on several processes, in which pytest-benchmark times nothing."""
CONFTEST = "import pytest\n\n@pytest.fixture\ndef size():\n    return 3000\n"


@pytest.fixture
def project(make_repository: Callable[[str], Repository]) -> Repository:
    made = make_repository("project")
    made.write("src/shapes/__init__.py", PACKAGE)
    made.write("src/shapes/inner.py", INNER)
    made.write("tests/conftest.py", CONFTEST)
    made.write("tests/bench/test_shapes.py", TESTS)
    made.write("pyproject.toml", f'[tool.pytest.ini_options]\npythonpath = ["src"]\naddopts = "{SEVERAL}"\n')
    made.commit("first")
    return made


def run(project: Repository, path: str = "tests/bench", only: str = "*") -> Result:
    request = check.Request(base="main", folder=project.folder, only=only, fresh_s=0.3, rules=Rules(cap_s=3.0))
    return pytest_tests.run(request, path, lambda stage, pair_outcome: None)


def statuses(result: Result) -> dict[str, str]:
    return {line.label.split("::test_")[1]: line.status for line in result.lines}


def test_slower_code_is_caught_wherever_it_is_imported_from(project: Repository) -> None:
    project.edit("src/shapes/inner.py", "found += i * i", "found += i * i + 0 * i")
    result = run(project, only="*::test_[tl]*")
    assert statuses(result) == {"total": "slower", "late": "slower"}
    assert result.exit_code == 1
    assert result.controls is not None
    assert result.controls.canary.finding == "slower"
    assert any("inner.py total" in name for name in result.lines[0].explanation)


def test_equal_code_is_never_slower(project: Repository) -> None:
    result = run(project)
    assert set(statuses(result)) == {"total", "late", "sorting"}, "tests that time nothing are not declared"
    assert result.count("slower", "faster", "failed", "new") == 0
    assert result.count("same") >= 2
    assert "-" not in project.git("status", "--porcelain"), "nothing is left behind"


FIRST = """
import sys
import shapes

def test_first(benchmark):
    sys.made = getattr(sys, "made", 0) + 1
    size = 3600 if sys.made == 1 else 3000
    benchmark(lambda: shapes.total(size) > 0)
"""


def test_what_comes_first_in_memory_is_not_slower_for_that(
    project: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_rule, "INTERIM_COUNTS", (3, 5))  # thirty would say the same
    project.write("tests/bench/test_first.py", FIRST)
    project.commit("what is made first is slow, whichever side it is")
    result = run(project, only="*::test_first")
    assert statuses(result) == {"first": "unclear"}
    outcomes = result.lines[0].outcomes
    assert [build.log > 0.1 for build in outcomes[0].builds] == [True, False, True]
    assert [outcome.verdict.ratio > 1.1 for outcome in outcomes[1:] if outcome.verdict] == [False, True, False, True]
    assert [build.swapped for outcome in outcomes for build in outcome.builds] == [
        False,
        True,
        False,
        *(True, False) * 2,
    ]


def test_tests_that_fail_and_tests_that_are_new(project: Repository) -> None:
    project.edit(
        "src/shapes/__init__.py",
        "def late(n):",
        "def newer(n):\n    return total(n)\n\ndef late(n):\n    raise ValueError('broken')",
    )
    more = "\ndef test_newer(benchmark):\n    benchmark(shapes.newer, 500)\n"
    project.write("tests/bench/test_shapes.py", TESTS + more)
    result = run(project, only="*::test_[ln]*")
    assert statuses(result) == {"late": "failed", "newer": "new"}
    lines = {line.label.split("::test_")[1]: line.evidence for line in result.lines}
    assert "broken" in lines["late"]
    assert "newer" in lines["newer"]


def test_results_that_differ_are_no_question_of_speed(project: Repository) -> None:
    project.edit("src/shapes/inner.py", "found = 0", "found = 1000000000")
    result = run(project, only="*::test_total")
    assert statuses(result) == {"total": "failed"}
    assert "outputs: result" in result.lines[0].evidence


def test_no_such_tests(project: Repository) -> None:
    with pytest.raises(LambdabenchError, match="there is no tests/nowhere in"):
        run(project, "tests/nowhere")
    project.write("tests/bench/test_shapes.py", "import nowhere\n")
    (line,) = run(project).lines
    assert (line.status, line.label) == ("failed", "tests/bench/test_shapes.py")
    assert "No module named 'nowhere'" in line.evidence
    project.write("pyproject.toml", "[tool.pytest.ini_options]\naddopts = '--no-such-flag'\n")
    with pytest.raises(LambdabenchError, match=r"could not collect .*no-such-flag"):
        run(project)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "found '', expected a file or folder of tests, such as tests/bench"),
        (".", ". holds the whole repository, and head's files there are laid over base's"),
        ("tests/..", "tests/.. holds the whole repository"),
        ("src", "src holds the sources in src"),
        ("my_shapes", "my_shapes holds the sources in my_shapes"),
    ],
)
def test_tests_are_apart_from_what_is_compared(project: Repository, path: str, said: str) -> None:
    project.write("my_shapes/__init__.py", "")
    project.write("my_shapes/tests/test_it.py", "")
    project.write("pyproject.toml", '[project]\nname = "my-shapes"\n')
    with pytest.raises(LambdabenchError) as exception_info:
        run(project, path)
    assert str(exception_info.value).startswith(f"--pytest: {said}")
    assert overlay.find_tests("my_shapes/tests", project.folder, project.folder).name == "tests"
    assert len(project.git("worktree", "list").splitlines()) == 1


def test_neither_torch_nor_jax_is_needed(project: Repository, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    for name in ("torch", "jax", "timm", "flax"):
        (blocked / name).mkdir(parents=True)
        (blocked / name / "__init__.py").write_text(f"raise ImportError('{name} is not here')")
    program = (
        f"import sys; sys.path.insert(0, {str(blocked)!r}); sys.argv = ['lambdabench', 'check', '--base', 'main', "
        "'--pytest', 'tests/bench', '--only', '*::test_total', '--json']; from lambdabench.cli import main; main()"
    )
    environment = {"PYTHONPATH": f"{blocked}:{Path(__file__).parents[2]}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 3), done.stderr
    assert '"declared": 1' in done.stdout
    assert '"compared": 1' in done.stdout
