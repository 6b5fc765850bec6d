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
        pairs_so_far = process_pairs.run(wanted, lambda pair_outcome: None)
    assert [len(outcome) for outcome in pairs_so_far.outcomes.values()] == [3, 3]
    ratios = [
        pair_outcome.verdict.ratio
        for many in pairs_so_far.outcomes.values()
        for pair_outcome in many
        if pair_outcome.verdict
    ]
    assert min(ratios) > 1.15
    assert pairs_so_far.controls is not None
    assert pairs_so_far.controls.canary.finding == "slower"
    assert {line.status for line in process_pairs.lines(pairs_so_far, wanted)} <= {"slower", "unclear"}


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
        pairs_request = process_pairs.PairsRequest(
            request=wanted.request, path=wanted.path, interim_analyses=((1, 0.9),), pair_s=0.1
        )
        pairs_so_far = process_pairs.run(pairs_request, lambda pair_outcome: None)
        lines = {line.label.split("::test_")[1]: line for line in process_pairs.lines(pairs_so_far, pairs_request)}
    assert {name: line.status for name, line in lines.items() if name != "sorting"} == {
        "total": "failed",
        "late": "failed",
        "newer": "new",
    }
    assert "outputs: result" in lines["total"].evidence
    assert "broken" in lines["late"].evidence


NEWER = "\ndef test_newer(benchmark):\n    benchmark(shapes.newer, 500)\n"


def test_it_is_chosen_by_itself_and_said(project: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("src/shapes/inner.py", (project.folder / "src/shapes/inner.py").read_text() + REGISTERS)
    monkeypatch.setattr(process_pairs, "run", lambda asked, on_outcome: process_pairs.PairsSoFar(declared=["a"]))
    request = check.Request(base="main", folder=project.folder)
    result = pytest_tests.run(request, "tests/bench", lambda stage, pair_outcome: None)
    assert result.notes == (
        "fresh pairs of processes (0), not one process: shapes.inner registers something for the whole process (torch.library)",
    )


def test_verdicts_on_processes_err_seldom() -> None:
    """Differences between processes of sd 3 %, as measured."""
    source, rules = random.Random(1), Rules()

    def finding(shift: float) -> str:
        logs = [math.log1p(shift) + source.gauss(0, 0.03) for _ in range(15)]
        for pairs, confidence in process_pairs.INTERIM_ANALYSES:
            verdict = judge_processes(logs[:pairs], rules, confidence)
            if verdict.finding != "unclear":
                return verdict.finding
        return "unclear"

    assert Counter(finding(0.0) for _ in range(500))["slower"] <= 8
    assert Counter(finding(0.05) for _ in range(200))["slower"] >= 180
    assert judge_processes([0.05, 0.05], rules, 0.95).finding == "unclear"
    assert processes_p([0.05 + source.gauss(0, 0.01) for _ in range(10)], rules) < 1e-4


def test_both_sides_are_on_one_processor_while_they_are_timed() -> None:
    before = os.sched_getaffinity(0)
    with subprocess.Popen(["sleep", "60"]) as popen, subprocess.Popen(["sleep", "60"]) as other:
        for number in range(2):
            with process_pairs._on_one_processor([popen.pid, other.pid], number):
                assert os.sched_getaffinity(popen.pid) == os.sched_getaffinity(other.pid)
                assert os.sched_getaffinity(popen.pid) == {sorted(before)[number % len(before)]}
            assert os.sched_getaffinity(popen.pid) == before
        popen.kill()
        other.kill()
    assert os.sched_getaffinity(0) == before


def test_what_holm_holds_back_is_asked_again(project: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_for: list[object] = []

    def pair(
        asked: process_pairs.PairsRequest,
        pairs_so_far: process_pairs.PairsSoFar,
        wanted: object,
        number: int,
        on_outcome: object,
    ) -> None:
        asked_for.append(wanted)
        pairs_so_far.declared = ["a", "b"]
        for label, ratio in (("a", 1.0), ("b", 1.05 + 0.04 * (-1) ** number)):
            verdict = Verdict(ratio=ratio, low=ratio, high=ratio, tolerance=0.02, finding="unclear")
            pairs_so_far.outcomes.setdefault(label, []).append(PairOutcome(label=label, verdict=verdict))

    monkeypatch.setattr(process_pairs, "one_pair", pair)
    request = UsersRequest(base="", head="")
    many = process_pairs.PairsRequest(request=request, path=Path(), interim_analyses=((8, 0.9), (9, 0.9)))
    monkeypatch.setattr(process_pairs, "FAMILY_ALPHA", 1e-4)
    process_pairs.run(many, lambda pair_outcome: None)
    assert asked_for == [None] * 8 + [{"b"}], "its interval alone would do after 8"


def test_one_trouble_is_the_tests_finding() -> None:
    pairs_so_far = process_pairs.PairsSoFar(
        declared=["a"], outcomes={"a": [PairOutcome(label="a", trouble="head", reason="x")]}
    )
    request = UsersRequest(base="", head="")
    assert process_pairs.verdict(pairs_so_far, "a", request, 0.95) == "trouble"
