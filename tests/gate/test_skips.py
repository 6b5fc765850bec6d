"""A skip is a skip, on both sides and on one: never a failure, always told with its reason."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.core.errors import LambdabenchError
from lambdabench.core.gate_protocol import Build, PairOutcome, Rules, UsersRequest, Verdict, skipped
from lambdabench.gate import check, fresh_processes, process_pairs, pytest_tests, trees
from lambdabench.gate.result import Line, Result
from lambdabench.worker.pytest_tests import reports

from .conftest import Repository
from .test_settings import line, result

TESTS = """
import pytest
import shapes

@pytest.mark.skip(reason="needs a GPU")
def test_marked(benchmark):
    benchmark(shapes.total, 900)

@pytest.mark.skipif(True, reason="not on this platform")
def test_conditional(benchmark):
    benchmark(shapes.total, 900)

def test_within(benchmark):
    pytest.skip("no such file here")

@pytest.mark.parametrize("n", [800, pytest.param(2000, marks=pytest.mark.skip(reason="too long"))])
def test_size(benchmark, n):
    benchmark(shapes.total, n)

@pytest.mark.xfail(reason="not written yet")
def test_expected(benchmark):
    benchmark(shapes.missing)

@pytest.mark.xfail
def test_raising(benchmark):
    benchmark(lambda: 1 / 0)

@pytest.mark.xfail(run=False, reason="hangs")
def test_not_run(benchmark):
    benchmark(shapes.total, 900)

@pytest.mark.skipif(shapes.VERSION == 2, reason="gone in 2")
def test_skipped_by_head(benchmark):
    benchmark(shapes.total, 900)

def test_skipped_by_base(benchmark):
    if shapes.VERSION == 1:
        pytest.skip("new in 2")
    benchmark(shapes.total, 900)

@pytest.mark.xfail(shapes.VERSION == 1, reason="fails in 1")
def test_expected_of_base(benchmark):
    benchmark(shapes.total, 900)

def test_fails_after_base_skipped(benchmark):
    if shapes.VERSION == 1:
        pytest.skip("new in 2")
    benchmark(shapes.total, 900)
    raise ValueError("broken")
"""
WHOLE = (
    "import pytest\nnone = pytest.importorskip('no_such_package')\n\ndef test_it(benchmark):\n    benchmark(none.f)\n"
)
PLAIN = "import pytest\npytest.importorskip('no_such_package')\n\ndef test_it():\n    pass\n"
NEW = (
    "import pytest, shapes\nif shapes.VERSION == 1:\n    pytest.skip('all new in 2', allow_module_level=True)\n\n"
    "def test_newest(benchmark):\n    benchmark(shapes.total, 900)\n"
)
TOLD = {
    "marked": ("both sides", "needs a GPU"),
    "conditional": ("both sides", "not on this platform"),
    "within": ("both sides", "no such file here"),
    "size[2000]": ("both sides", "too long"),
    "expected": ("both sides", "expected to fail: not written yet"),
    "raising": ("both sides", "expected to fail"),
    "skipped_by_head": ("head", "head alone skips it, so it is not compared: gone in 2; base does not"),
    "skipped_by_base": ("base", "base alone skips it, so it is not compared: new in 2; head does not"),
    "newest": ("base", "base alone skips it, so it is not compared: all new in 2; head does not"),
    "tests/bench/test_whole.py": (
        "both sides",
        "could not import 'no_such_package': No module named 'no_such_package'",
    ),
}


@pytest.fixture
def project(make_repository: Callable[[str], Repository]) -> Repository:
    made = make_repository("project")
    made.write("src/shapes/__init__.py", "VERSION = 1\n\ndef total(n):\n    return sum(i * i for i in range(n))\n")
    for name, text in (("shapes", TESTS), ("whole", WHOLE), ("plain", PLAIN), ("new", NEW)):
        made.write(f"tests/bench/test_{name}.py", text)
    made.write("pyproject.toml", '[tool.pytest.ini_options]\npythonpath = ["src"]\n')
    made.commit("first")
    made.edit("src/shapes/__init__.py", "VERSION = 1", "VERSION = 2")
    return made


def by_name(lines: tuple[Line, ...]) -> dict[str, Line]:
    return {item.label.split("::test_")[-1]: item for item in lines}


def assert_told(lines: tuple[Line, ...]) -> None:
    answer = by_name(lines)
    for name, (side, why) in TOLD.items():
        assert (answer[name].status, answer[name].outcomes[0].skipped) == ("skipped", side), (name, answer[name])
        assert answer[name].evidence == why
    assert answer["not_run"].status == "skipped"
    assert "hangs" in answer["not_run"].evidence
    assert (answer["expected_of_base"].status, answer["expected_of_base"].outcomes[0].skipped) in (
        ("skipped", "base"),
        ("same", ""),
        ("unclear", ""),
    ), "it did not fail on base after all"
    assert answer["fails_after_base_skipped"].status == "failed"
    assert "broken" in answer["fails_after_base_skipped"].evidence
    assert "tests/bench/test_plain.py" not in answer, "it holds no benchmark"
    assert answer["size[800]"].status in ("same", "unclear")


def test_skipped_tests_are_told_and_never_red_in_one_process(project: Repository) -> None:
    request = check.Request(base="main", folder=project.folder, rules=Rules(cap_s=0.5))
    answer = pytest_tests.run(request, "tests/bench", lambda stage, pair_outcome: None)
    assert_told(answer.lines)
    kept = dataclasses.replace(answer, lines=tuple(item for item in answer.lines if item.status in ("skipped", "same")))
    assert kept.skipped_on_one_side == 3
    assert kept.exit_code in (0, 3)


def test_skipped_tests_are_told_and_never_red_in_pairs_of_processes(project: Repository) -> None:
    with trees.checked_out(trees.find("main", project.folder)) as base:
        request = UsersRequest(base=str(base), head=str(project.folder))
        asked = process_pairs.PairsRequest(
            request=request, path=project.folder / "tests/bench", interim_analyses=((1, 0.9),), pair_s=0.1
        )
        pairs_so_far = process_pairs.run(asked, lambda pair_outcome: None)
        assert_told(process_pairs.lines(pairs_so_far, asked))


def test_a_broken_file_hides_no_other_test_and_stops_no_confirmation(project: Repository) -> None:
    project.write("tests/bench/test_broken.py", "import nowhere\n")
    size, broken = "tests/bench/test_shapes.py::test_size[800]", "tests/bench/test_broken.py"
    with trees.checked_out(trees.find("main", project.folder)) as base:
        request = UsersRequest(
            base=str(base), head=str(project.folder), only="tests/bench/test_shapes.py::test_size[[]8*"
        )
        again = dataclasses.replace(request, labels=(size,), fixed_s=0.05)
        answered = pytest_tests.session(again, project.folder / "tests/bench", lambda pair_outcome: None).answered
        asked = process_pairs.PairsRequest(
            request=request, path=project.folder / "tests/bench", interim_analyses=((1, 0.9),), pair_s=0.1
        )
        lines = process_pairs.lines(process_pairs.run(asked, lambda pair_outcome: None), asked)
    assert [pair_outcome.label for pair_outcome in answered.outcomes] == [size]
    assert [(item.label, item.status == "failed") for item in lines] == [(size, False), (broken, True)]


def outcome(name: str, finding: str = "same") -> PairOutcome:
    verdict = Verdict(ratio=1.0, low=0.99, high=1.01, tolerance=0.02, finding=finding)  # pyright: ignore[reportArgumentType]
    made = Build(log=0.0, sd=0.001, finding=verdict.finding, wall_log=0.0)
    return PairOutcome(label=name, verdict=verdict, builds=(made, made))


def test_a_case_that_is_skipped_is_counted_for_what_it_is() -> None:
    request = UsersRequest(base="", head="")
    entries = pytest_tests._entries(["a", "b", "c"], request)
    outcomes = {"a": outcome("a"), "b": skipped("b", head="x", base="x"), "c": skipped("c", head="", base="y")}
    lines = fresh_processes.lines(entries, outcomes, {})
    assert [item.status for item in lines] == ["same", "skipped", "skipped"]
    answer: Result = result(lines)
    assert (answer.exit_code, answer.exit_reason) == (0, "nothing slower; 1 skipped on one side, not compared")
    both = result(lines[:2])
    assert (both.exit_code, both.exit_reason) == (0, "nothing slower")
    none = result(lines[1:2])
    assert (none.exit_code, none.exit_reason) == (3, "nothing was compared, 1 skipped")


def test_failures_hide_nothing_that_is_slower() -> None:
    answer = result((line("failed", trouble="head"), *[line()] * 4))
    assert (answer.exit_code, answer.exit_reason) == (1, "1 failed or missing on head, 4 slower")
    name = dataclasses.replace(answer, expired=("x",)).exit_reason
    assert name == "1 failed or missing on head, 4 slower, 1 waiver expired"
    assert dataclasses.replace(answer, controls=None).exit_reason == (
        "1 failed or missing on head, 4 slower, which proves nothing: the controls did not come out as they must"
    )


def test_a_glob_that_matches_no_test_names_some_that_there_are(project: Repository) -> None:
    said = (
        r"--only: no test matches 'nobody'; there are 13, such as 'tests/bench/test_new.py::test_newest', 'tests/bench/"
    )
    with pytest.raises(LambdabenchError, match=re.escape(said)):
        pytest_tests.run(
            check.Request(base="main", folder=project.folder, only="nobody"),
            "tests/bench",
            lambda stage, pair_outcome: None,
        )
    with trees.checked_out(trees.find("main", project.folder)) as base:
        request = UsersRequest(base=str(base), head=str(project.folder), only="nobody")
        asked = process_pairs.PairsRequest(request=request, path=project.folder / "tests/bench")
        with pytest.raises(LambdabenchError, match=re.escape(said)):
            process_pairs.run(asked, lambda pair_outcome: None)


@pytest.mark.parametrize(
    ("nodeid", "only", "wanted"),
    [
        ("b/test_a.py", "*", True),
        ("b/test_a.py", "*test_x*", True),
        ("b/test_a.py", "b/test_a.py::test_x", True),
        ("b/test_a.py", "b/test_b.py::*", False),
        ("b/test_[a].py", "b/test_[a].py::x", True),
    ],
)
def test_a_file_skipped_as_a_whole_is_told_where_it_may_be_meant(
    tmp_path: Path, nodeid: str, only: str, wanted: bool
) -> None:
    (tmp_path / "x.py").write_text("def test_x(benchmark): ...")
    assert reports.may_time(nodeid, tmp_path / "x.py", only) is wanted
    (tmp_path / "x.py").write_text("def test_x(): ...")
    assert not reports.may_time(nodeid, tmp_path / "x.py", only)
