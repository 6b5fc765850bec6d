"""The proof goes on where it stopped, and its table says what the trials say."""

import json
from pathlib import Path

from lambdabench.analysis.wilson import wilson
from lambdabench.gate import proof


def trial(kernel: str, extra: float, finding: str, load: int = 0) -> proof.Trial:
    told = {"finding": finding, "ratio": 1.0, "seconds": 1.0}
    factors = ("1.0", "1.03", "1.05", "1.1") if extra == 0 else ("1.0",)
    return {
        "kernel": kernel,
        "extra": extra,
        "load": load,
        "pressure": 0.1,
        "found": dict.fromkeys(factors, told),
        "base_s": 1.0,
        "head_s": 1.1,
    }


def test_the_cell_that_is_furthest_behind_comes_next() -> None:
    assert proof.next_cell([], 0) == ("gemm", 0.0, 0)
    trials = [trial("gemm", 0.0, "same")]
    assert proof.next_cell(trials, 0) == ("gemm", 0.03, 0)
    full = [
        trial(kernel, extra, "same")
        for kernel in proof.KERNELS
        for extra in proof.EXTRA
        for _ in range(proof.WANTED[extra])
    ]
    assert proof.next_cell(full, 0) is None
    assert proof.next_cell(full, 2) == ("gemm", 0.0, 0)


def test_the_table() -> None:
    text = proof.table(
        [trial("gemm", 0.0, "same"), trial("gemm", 0.0, "slower"), trial("tiny", 0.05, "slower", load=2)]
    )
    row = next(line for line in text.splitlines() if line.startswith("| as found | none (A/A) | gemm"))
    assert "| 2 | 1 (50 % [9.5, 90.5]) | 0 | 1 (50 %" in row
    assert row.endswith("| 100 % [21, 100] |"), "1.1 / 1.0 is over 5 %"
    assert "| loaded | real +5 % | tiny | 1 | 1 (100 %" in text


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text(json.dumps({"kernel": "gemm"}) + '\n{"kernel": "ge')
    assert proof.read(path) == [{"kernel": "gemm"}]


def test_a_trial_runs() -> None:
    found = proof.run("tiny", 0.10, 0, 0)
    assert found["found"]["1.0"]["finding"] in ("slower", "unclear")


def test_wilson() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(0, 600)
    assert low == 0.0
    assert 0.006 < high < 0.007
