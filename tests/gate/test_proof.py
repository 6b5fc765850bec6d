"""The proof goes on where it stopped, and its table says what the trials say."""

import json
from pathlib import Path
from typing import Any

from lambdabench.gate import proof, proof_table

XEON = {"cpu": "Intel(R) Xeon(R) Processor", "flags": "avx avx2 avx512f fma", "processors": 2}


def trial(kernel: str, extra: float, finding: str, pressure: float = 0.01, **changes: Any) -> proof.Trial:
    text = {"finding": finding, "ratio": 1.0, "seconds": 1.0}
    factors = ("1.0", "1.03", "1.05", "1.1") if extra == 0 else ("1.0",)
    return {
        "kernel": kernel,
        "extra": extra,
        "load": 0,
        "pressure": pressure,
        "found": dict.fromkeys(factors, text),
        "base_s": 1.0,
        "head_s": 1.1,
        "machine": XEON,
    } | changes


def full(kind: str, pressure: float) -> list[proof.Trial]:
    cells = [(kernel, extra) for kernel in proof.KERNELS for extra in proof.EXTRA]
    return [trial(*cell, "same", pressure) for cell in cells for _ in range(proof.WANTED[kind][cell[1]])]


def test_the_cell_that_is_furthest_behind_comes_next() -> None:
    assert proof.next_cell([], 0) == ("gemm", 0.0, 0)
    trials = [trial("gemm", 0.0, "same")]
    assert proof.next_cell(trials, 0) == ("gemm", 0.03, 0)
    quiet = full("quiet", 0.01)
    assert proof.next_cell(quiet, 0) is None, "a quiet machine gives no more of what is missing"
    assert proof.next_cell(quiet, 2) == ("gemm", 0.0, 150)
    assert proof.next_cell([*quiet, *full("busy", 0.3)], 2) is None


def test_a_trial_counts_where_it_ran_and_the_next_is_taken_to_run_there_too() -> None:
    trials = [trial("gemm", 0.0, "same", pressure=0.3)]
    assert proof.next_cell(trials, 0) == ("gemm", 0.03, 0)
    busy = full("busy", 0.3)
    assert proof.next_cell(busy, 0) == ("gemm", 0.0, 60), "busy cells are full: trials for the quiet ones go on"
    quiet = [trial("gemm", 0.0, "same")]
    assert proof.next_cell([*busy, *quiet], 0) == ("gemm", 0.03, 60)


def test_a_machine_has_a_row_for_each_state_and_a_page(tmp_path: Path) -> None:
    starved = trial("tiny", 0.05, "unclear", pressure=0.9)
    other = trial("gemm", 0.0, "same", machine=XEON | {"flags": "avx2"})
    proof_table.write([trial("gemm", 0.0, "same"), trial("gemm", 0.0, "slower"), starved, other], tmp_path)
    index = (tmp_path / "index.md").read_text()
    row = next(line for line in index.splitlines() if "| quiet |" in line)
    assert row.startswith("| Intel(R) Xeon(R) Processor, 2 processors | quiet | 1/2 [9.5, 90.5] % | 0 | 1/2 ")
    assert row.endswith("| 100 % [21, 100], – |"), "1.1 / 1.0 is over 5 %"
    assert "| of these starved | – | 0 | – | – | – | 0/1 [0.0, 79.3] %, 1 unclear |" in index
    assert (
        "[How often the gate errs: Intel(R) Xeon(R) Processor (avx2), 2 processors](intel-xeon-2-processors-2.md)"
        in index
    )
    page = (tmp_path / "intel-xeon-2-processors.md").read_text()
    assert "| quiet | none (A/A) | gemm | 2 | 1 (50 % [9.5, 90.5]) | 0 | 1 (50 %" in page
    assert "| busy | real +5 % | tiny | 1 | 0 (0 % [0.0, 79.3]) | 1 (100 %" in page


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "trials.jsonl"
    path.write_text(json.dumps({"kernel": "gemm"}) + '\n{"kernel": "ge')
    assert proof.read(path) == [{"kernel": "gemm"}]


def test_a_trial_runs() -> None:
    result = proof.run("tiny", 0.10, 0, 0)
    assert result["found"]["1.0"]["finding"] in ("slower", "unclear")
    assert result["machine"] == proof.machine()
