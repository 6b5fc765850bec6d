"""The proof of pairs of processes: the package that it checks, which kernels do more, what the table says."""

import json
from pathlib import Path
from typing import Any

import pytest

from lambdabench.core.errors import LambdabenchError
from lambdabench.gate import process_pairs, proof_package, proof_pairs, proof_table
from lambdabench.worker.pytest_tests.two_trees import MARKERS

NAMES = proof_package.names()


def test_every_kernel_is_tried_both_ways_and_half_of_each_run_is_equal_code() -> None:
    first, second = set(proof_pairs.slowed(0)), set(proof_pairs.slowed(1))
    assert first | second == set(NAMES)
    assert not first & second
    assert len(first) == len(second)
    for kind in proof_package.KINDS:
        assert len([name for name in first if name.startswith(kind)]) == 1


def test_the_package_is_one_that_no_process_can_hold_twice_and_its_work_is_data(tmp_path: Path) -> None:
    proof_package.write(tmp_path)
    source = (tmp_path / "src" / "proofops" / "__init__.py").read_text()
    assert any(name in source for name in MARKERS)
    assert "ext_modules" in (tmp_path / "setup.py").read_text()
    proof_package.set_work(tmp_path, {NAMES[0]: proof_pairs.MORE})
    work = json.loads((tmp_path / "src" / "proofops" / "work.json").read_text())
    assert work.pop(NAMES[0]) == 1.05 * proof_package.UNITS
    assert set(work.values()) == {proof_package.UNITS}


def case(name: str, status: str, *ratios: float) -> dict[str, Any]:
    outcomes = [{"verdict": {"ratio": ratio}, "base": {"call_s": 0.001}} for ratio in ratios]
    return {
        "label": f"bench/test_kernels.py::test_kernel[{name}]",
        "status": status,
        "evidence": "",
        "outcomes": outcomes,
    }


def test_a_run_is_check_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = {"cases": [case(NAMES[0], "same", 1.0, 1.01), case(NAMES[1], "slower", 1.05, 1.06)]}
    message |= {"seconds": 60.0, "pressure": 0.2, "exit_code": 1}
    called: list[Any] = []

    def run(command: Any, **options: Any) -> Any:
        if "check" in command:
            called.append(command)
            return proof_pairs.subprocess.CompletedProcess(command, 1, json.dumps(message), "")
        return real(command, **options)

    real = proof_pairs.subprocess.run
    monkeypatch.setattr(proof_pairs.subprocess, "run", run)
    result = proof_pairs.run(tmp_path, [NAMES[1]])
    assert called[0][2:] == (
        "lambdabench",
        *["check", "--base", "HEAD~1", "--pytest", "bench", "--build"],
        proof_package.BUILD,
        "--json",
    )
    assert [(trial["kernel"], trial["extra"], trial["found"], trial["seconds"]) for trial in result] == [
        (NAMES[0], 0.0, "same", 30.0),
        (NAMES[1], 0.05, "slower", 30.0),
    ]
    trials = [trial | {"run": 0, "machine": {"cpu": "a cpu", "flags": "avx2", "processors": 2}} for trial in result]
    text = proof_pairs.table(trials)
    where = f"| a cpu, 2 processors | busy | {process_pairs.INTERIM_ANALYSES[-1][0]} | 1 "
    assert f"{where}| **all** | none (A/A) | 1 | 0 (0.0 % [0.0, 79.3]) | 0 | 0 | 1 (100.0 %" in text
    assert (
        f"{where}| native_compute | real +5 % | 1 | 1 (100.0 % [20.7, 100.0]) | 0 | 0 | 0 | 2 | 0.67 % | 30 |" in text
    )


def test_no_answer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_pairs, "ROOT", "absent_package")
    with pytest.raises(LambdabenchError, match=r"check ended with 1 and no answer: .*absent_package"):
        proof_pairs.run(tmp_path, NAMES[:1])


def test_its_page_is_linked(tmp_path: Path) -> None:
    (tmp_path / "process-pairs.md").write_text(proof_pairs.table([]))
    proof_table.write([], tmp_path)
    wanted = "- [How often the gate errs where it takes pairs of processes](process-pairs.md)"
    assert wanted in (tmp_path / "index.md").read_text()
