"""Each side runs its own code, or the run is void and says what came from where; a base that cannot be imported is a finding."""

import os
import sysconfig
from dataclasses import replace
from pathlib import Path

import pytest

from lambdabench.core import caches
from lambdabench.core.errors import GateError
from lambdabench.core.gate_protocol import Rules
from lambdabench.gate import check, environments, process_pairs, pytest_tests
from lambdabench.gate.result import Result

from .conftest import Repository
from .test_check import FAKE, STEP
from .test_check import run as run_suite
from .test_pytest_tests import project

__all__ = ["project"]
ONE = "import shapes\n\ndef test_total(benchmark):\n    benchmark(shapes.total, 3000)\n"


def run(project: Repository, build: str = "") -> Result:
    request = check.Request(base="main", folder=project.folder, fresh_s=0.1, rules=Rules(cap_s=0.3))
    return pytest_tests.run(request, "tests/bench", lambda stage, pair_outcome: None, build)


@pytest.fixture
def alone(project: Repository) -> Repository:
    """A src layout of which pytest knows nothing, one test, and head twice as slow."""
    project.write("tests/bench/test_shapes.py", ONE)
    (project.folder / "tests/conftest.py").unlink()
    (project.folder / "pyproject.toml").unlink()
    project.write("setup.cfg", "[metadata]\nname = shapes\n")
    project.commit()
    project.git("checkout", "--quiet", "-b", "work")
    project.edit("src/shapes/inner.py", "found += i * i", "found += i * i + i * i - i * i")
    return project


@pytest.fixture
def outer(alone: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package as it is installed in the environment that runs check; environments of a side see it behind their own."""
    site = tmp_path / "outer" / "site-packages"
    (site / "shapes").mkdir(parents=True)
    for path in (alone.folder / "src" / "shapes").glob("*.py"):
        (site / "shapes" / path.name).write_text(path.read_text())
    seen = f"{site}\n{sysconfig.get_path('purelib')}"
    monkeypatch.setattr(environments.sysconfig, "get_path", lambda name: seen)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(caches.PLACE, raising=False)
    return site / "shapes" / "__init__.py"


def test_a_package_that_is_installed_beside_is_not_taken_for_either_side(
    alone: Repository, outer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(outer.parents[1]), os.environ.get("PYTHONPATH", ""))))
    result = run(alone)
    assert result.exit_code == 3
    assert [line.label for line in result.lines] == ["tests/bench/test_shapes.py::test_total"], (
        "by its place in the tree"
    )
    assert result.exit_reason.startswith(f"a side ran code that is not its own: base ran shapes from {outer}, expected")
    assert f"head ran shapes from {outer}, expected it from {alone.folder}" in result.exit_reason
    assert "say --build 'pip install .', or pythonpath = [\"src\"]" in result.notes[0]


def test_a_build_that_installs_nothing_is_void(alone: Repository, outer: Path) -> None:
    result = run(alone, "true")
    assert result.exit_code == 3
    assert f"base ran shapes from {outer}, expected it from " in result.exit_reason
    assert [len(line.outcomes) for line in result.lines] == [1], "no more pairs are worth their time"
    assert "--build 'true' does not give each side what it compares" in result.notes[1]
    assert result.request.endswith(" --build true")


def test_a_package_in_src_that_nothing_installs_is_told_how_to_be(alone: Repository) -> None:
    said = r"""the tests import shapes, which is in src and not where Python looks: say --build 'pip install \.', or pythonpath"""
    with pytest.raises(GateError, match=said):
        run(alone)


EDITABLE = "echo $(pwd)/src > $(echo $VIRTUAL_ENV/lib/python*/site-packages)/__editable__.shapes.pth"


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """One short pair of processes."""
    whole = process_pairs.run
    monkeypatch.setattr(
        process_pairs,
        "run",
        lambda asked, on_outcome: whole(replace(asked, interim_analyses=((1, 0.9),), pair_s=0.05), on_outcome),
    )


@pytest.mark.usefixtures("briefly")
def test_an_editable_build_is_each_sides_own_the_second_time_too(
    alone: Repository, outer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((f"{alone.folder}/src", os.environ.get("PYTHONPATH", ""))))
    for _ in range(2):
        (line,) = run(alone, EDITABLE).lines
        (pair_outcome,) = line.outcomes
        assert pair_outcome.verdict is not None, pair_outcome.reason
        assert pair_outcome.verdict.ratio > 1.3


@pytest.mark.usefixtures("briefly")
def test_what_a_conftest_imports_is_its_sides_own(alone: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way to the package leads into head's tree, as that of an editable install."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((f"{alone.folder}/src", os.environ.get("PYTHONPATH", ""))))
    fixture = "import pytest\nfrom shapes import total\n\n@pytest.fixture\ndef work():\n    return total\n"
    alone.write("tests/bench/conftest.py", fixture)
    alone.write("tests/bench/test_shapes.py", "def test_it(benchmark, work):\n    benchmark(work, 3000)\n")
    inner = (alone.folder / "src/shapes/inner.py").read_text()
    alone.write("src/shapes/inner.py", f"{inner}\n# torch.library: both sides cannot be in one process\n")
    (line,) = run(alone).lines
    (pair_outcome,) = line.outcomes
    assert pair_outcome.verdict is not None, pair_outcome.reason
    assert pair_outcome.verdict.ratio > 1.3


def test_what_other_projects_install_is_both_sides_own(
    project: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A namespace is shared: acme.shapes is compared, acme.other is not."""
    site = tmp_path / "outer" / "site-packages"
    (site / "acme" / "other").mkdir(parents=True)
    (site / "acme" / "other" / "__init__.py").write_text("answer = 42\n")
    (site / "third.py").write_text("answer = 42\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(site), os.environ.get("PYTHONPATH", ""))))
    project.write("src/acme/shapes/__init__.py", (project.folder / "src/shapes/inner.py").read_text())
    test = ONE.replace("import shapes", "import acme.other\nimport third\nfrom acme import shapes")
    project.write("tests/bench/test_shapes.py", test)
    project.commit()
    (line,) = run(project).lines
    assert line.status in ("same", "unclear"), line.evidence
    assert line.verdict is not None


@pytest.mark.parametrize("pairs", [False, True])
def test_a_base_that_cannot_be_imported_is_red_and_not_new(project: Repository, pairs: bool) -> None:
    project.write("src/shapes/__init__.py", "import nowhere_at_all\n")
    project.commit()
    project.git("checkout", "--quiet", "-b", "work")
    project.write(
        "src/shapes/__init__.py", "from .inner import total\nlate = total\n# torch.library\n"[: None if pairs else -16]
    )
    project.write("tests/bench/test_newer.py", "import shapes.inner\n" + ONE)
    result = run(project)
    assert ("fresh pairs" in "".join(result.notes)) == pairs
    assert {line.status for line in result.lines} == {"unmeasured"}
    assert result.exit_code == 2
    name = "4 of 4 not compared; base cannot be measured: ModuleNotFoundError: No module named 'nowhere_at_all'"
    assert result.exit_reason == name


def test_a_file_that_asks_for_what_base_does_not_have_is_new_where_it_came_with_it(project: Repository) -> None:
    project.git("checkout", "--quiet", "-b", "work")
    project.write("src/shapes/newer.py", "def newest(n):\n    return n\n")
    project.write(
        "tests/bench/test_newer.py",
        "from shapes.newer import newest\n\ndef test_new(benchmark):\n    benchmark(newest, 1)\n",
    )
    project.write("tests/bench/test_shapes.py", "from shapes.newer import newest\n" + ONE)
    statuses = {line.label.split("::test_")[1]: line.status for line in run(project).lines}
    assert statuses == {"new": "new", "total": "unmeasured"}, "a file that base had compared its tests before"


def test_a_base_whose_settings_of_tests_are_broken_cannot_be_measured(project: Repository) -> None:
    before = (project.folder / "tests/conftest.py").read_text()
    project.write("tests/conftest.py", "import nowhere_at_all\n")
    project.commit()
    project.git("checkout", "--quiet", "-b", "work")
    project.write("tests/conftest.py", before)
    project.write("tests/bench/test_shapes.py", ONE)
    (line,) = run(project).lines
    assert line.status == "unmeasured"
    assert line.evidence == "base cannot be measured: ModuleNotFoundError: No module named 'nowhere_at_all'"


def test_a_base_of_this_package_that_cannot_be_imported_is_no_fault_of_heads(repository: Repository) -> None:
    init = (repository.folder / "lambdabench/__init__.py").read_text()
    repository.write("lambdabench/__init__.py", "import nowhere_at_all\n")
    repository.commit()
    repository.git("checkout", "--quiet", "-b", "work")
    repository.write("lambdabench/__init__.py", init)
    result = run_suite(repository, only="quick*")
    assert [line.status for line in result.lines] == ["unmeasured"]
    assert result.exit_code == 2


def test_a_module_of_this_package_from_elsewhere_makes_a_suites_run_void(repository: Repository) -> None:
    stray = "import sys as s, types\n        m = types.ModuleType('x'); m.__file__ = '/elsewhere/stray.py'\n"
    repository.edit(FAKE, STEP, f"{stray}        s.modules[__package__ + '.stray'] = m\n        {STEP}")
    result = run_suite(repository, only="quick*")
    assert result.exit_code == 3
    assert "head ran lambdabench_head.backends.stray from /elsewhere/stray.py, expected it from" in result.exit_reason
