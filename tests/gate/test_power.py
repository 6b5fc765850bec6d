"""The whole rule on scripted times: small here, in full in reports/gate/power.md."""

from collections import Counter
from pathlib import Path

import pytest

from lambdabench.gate import power
from lambdabench.gate.power import CASES, CHECKS, SCENARIOS, cell, main


def findings(name: str, slowdown: float, checks: int = 12) -> Counter[str]:
    return Counter(checked.finding for checked in cell(name, slowdown, checks))


@pytest.mark.parametrize("name", SCENARIOS)
def test_equal_code_is_never_called_slower(name: str) -> None:
    counter = findings(name, 0.0, 20)
    assert counter["slower"] == counter["faster"] == 0


def test_three_percent_are_found_under_heavy_tails_as_stage_one_finds_them() -> None:
    many = cell("heavy tails", 0.03, 20)
    assert sum(checked.finding == "slower" for checked in many) >= 18
    assert max(checked.processes for checked in many) > 1


@pytest.mark.parametrize("name", SCENARIOS)
def test_ten_percent_are_found_everywhere(name: str) -> None:
    assert findings(name, 0.10)["slower"] >= 11


def test_two_speeds_are_settled_by_many_processes() -> None:
    many = cell("two speeds", 0.0, 12)
    assert sum(checked.processes > 4 for checked in many) >= 11
    assert all(checked.finding in ("same", "unclear") for checked in many)


def test_a_check_is_the_same_every_time() -> None:
    assert cell("all at once", 0.03, 2) == cell("all at once", 0.03, 2)


def test_the_report_has_a_row_a_cell_with_bounds_on_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power, "SCENARIOS", {"quiet": SCENARIOS["quiet"]})
    assert main(["--share", "0.002", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "power.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| quiet ")]
    assert len(rows) == len(CHECKS)
    assert rows[0].startswith(
        "| quiet | none (A/A) | 4 | 0 (≤ 48.99) | 100.0 | 0 | 0 (≤ 48.99) | 0 (≤ 48.99) | 100.0 |"
    )
    assert f"beside {CASES - 1} equal cases" in text


@pytest.mark.parametrize("name", ["quiet", "builds 3 %"])
def test_the_report_that_stands_is_of_the_rule_that_runs(name: str) -> None:
    """Some of its checks again: scripted times are the same everywhere."""
    lines = (Path(__file__).parents[2] / "reports" / "gate" / "power.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith(tuple(f"| {name} |" for name in SCENARIOS))]
    assert len(rows) == len(SCENARIOS) * len(CHECKS)
    assert power._row(name, 0.10, cell(name, 0.10, CHECKS[0.10])) in rows
