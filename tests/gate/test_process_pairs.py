"""Fresh pairs of processes: chosen where one process cannot hold both sides, and each side runs its own code in them."""

import math
import os
import random
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from lambdabench.analysis.judge import judge_processes, processes_p
from lambdabench.core.gate_protocol import PairOutcome, Rules, UsersRequest, Verdict
from lambdabench.gate import check, overlay, process_pairs, pytest_tests, trees

from .conftest import Repository
from .test_pytest_tests import project

__all__ = ["project"]
REGISTERS = "\n# it would say torch.library.custom_op here\n"


def asked(project: Repository, base: Path, only: str = "*") -> process_pairs.PairsRequest:
    request = UsersRequest(base=str(base), head=str(project.folder), only=only)
    return process_pairs.PairsRequest(
        request=request, path=project.folder / "tests" / "bench", interim_analyses=((3, 0.9),), pair_s=0.2
    )


def test_each_side_runs_its_own_code(project: Repository) -> None:
    project.edit("src/shapes/inner.py", "found += i * i", "found += i * i + 0 * i + 0 * i")
    with trees.checked_out(trees.find("main", project.folder)) as base:
        wanted = asked(project, base, "*::test_[tl]*")
        found = process_pairs.run(wanted, lambda one: None)
    assert [len(one) for one in found.outcomes.values()] == [3, 3]
    ratios = [one.verdict.ratio for many in found.outcomes.values() for one in many if one.verdict]
    assert min(ratios) > 1.15
    assert found.controls is not None
    assert found.controls.canary.finding == "slower"
    assert {one.status for one in process_pairs.lines(found, wanted)} <= {"slower", "unclear"}


def test_troubles_have_a_side(project: Repository) -> None:
    project.edit(
        "src/shapes/__init__.py",
        "def late(n):",
        "def newer(n):\n    return n\n\ndef late(n):\n    raise ValueError('broken')",
    )
    project.edit("src/shapes/inner.py", "found = 0", "found = 7")
    with trees.checked_out(trees.find("main", project.folder)) as base:
        project.write("tests/bench/test_shapes.py", (project.folder / "tests/bench/test_shapes.py").read_text() + NEWER)
        overlay.overlay("tests/bench", project.folder, project.folder, base)
        wanted = asked(project, base)
        one = process_pairs.PairsRequest(
            request=wanted.request, path=wanted.path, interim_analyses=((1, 0.9),), pair_s=0.1
        )
        found = process_pairs.run(one, lambda one: None)
        told = {line.label.split("::test_")[1]: line for line in process_pairs.lines(found, one)}
    assert {name: line.status for name, line in told.items() if name != "sorting"} == {
        "total": "failed",
        "late": "failed",
        "newer": "new",
    }
    assert "outputs: result" in told["total"].evidence
    assert "broken" in told["late"].evidence


NEWER = "\ndef test_newer(benchmark):\n    benchmark(shapes.newer, 500)\n"


def test_it_is_chosen_by_itself_and_said(project: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("src/shapes/inner.py", (project.folder / "src/shapes/inner.py").read_text() + REGISTERS)
    monkeypatch.setattr(process_pairs, "run", lambda asked, on_outcome: process_pairs.PairsSoFar(declared=["a"]))
    request = check.Request(base="main", folder=project.folder)
    found = pytest_tests.run(request, "tests/bench", lambda stage, one: None)
    assert found.notes == (
        "fresh pairs of processes (0), not one process: shapes.inner registers something for the whole process (torch.library)",
    )


def test_verdicts_on_processes_err_seldom() -> None:
    """Differences between processes of sd 3 %, as measured."""
    source, rules = random.Random(1), Rules()

    def finding(shift: float) -> str:
        logs = [math.log1p(shift) + source.gauss(0, 0.03) for _ in range(15)]
        for pairs, confidence in process_pairs.INTERIM_ANALYSES:
            found = judge_processes(logs[:pairs], rules, confidence)
            if found.finding != "unclear":
                return found.finding
        return "unclear"

    assert Counter(finding(0.0) for _ in range(500))["slower"] <= 8
    assert Counter(finding(0.05) for _ in range(200))["slower"] >= 180
    assert judge_processes([0.05, 0.05], rules, 0.95).finding == "unclear"
    assert processes_p([0.05 + source.gauss(0, 0.01) for _ in range(10)], rules) < 1e-4


def test_both_sides_are_on_one_processor_while_they_are_timed() -> None:
    before = os.sched_getaffinity(0)
    with subprocess.Popen(["sleep", "60"]) as one, subprocess.Popen(["sleep", "60"]) as other:
        for number in range(2):
            with process_pairs._on_one_processor([one.pid, other.pid], number):
                assert os.sched_getaffinity(one.pid) == os.sched_getaffinity(other.pid)
                assert os.sched_getaffinity(one.pid) == {sorted(before)[number % len(before)]}
            assert os.sched_getaffinity(one.pid) == before
        one.kill()
        other.kill()
    assert os.sched_getaffinity(0) == before


def test_what_holm_holds_back_is_asked_again(project: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[object] = []

    def pair(
        asked: process_pairs.PairsRequest,
        found: process_pairs.PairsSoFar,
        wanted: object,
        number: int,
        on_outcome: object,
    ) -> None:
        asked_for.append(wanted)
        found.declared = ["a", "b"]
        for label, ratio in (("a", 1.0), ("b", 1.05 + 0.04 * (-1) ** number)):
            verdict = Verdict(ratio=ratio, low=ratio, high=ratio, tolerance=0.02, finding="unclear")
            found.outcomes.setdefault(label, []).append(PairOutcome(label=label, verdict=verdict))

    monkeypatch.setattr(process_pairs, "one_pair", pair)
    request = UsersRequest(base="", head="")
    many = process_pairs.PairsRequest(request=request, path=Path(), interim_analyses=((8, 0.9), (9, 0.9)))
    monkeypatch.setattr(process_pairs, "FAMILY_ALPHA", 1e-4)
    process_pairs.run(many, lambda one: None)
    assert asked_for == [None] * 8 + [{"b"}], "its interval alone would do after 8"


def test_one_trouble_is_the_tests_finding() -> None:
    found = process_pairs.PairsSoFar(
        declared=["a"], outcomes={"a": [PairOutcome(label="a", trouble="head", reason="x")]}
    )
    request = UsersRequest(base="", head="")
    assert process_pairs.verdict(found, "a", request, 0.95) == "trouble"
