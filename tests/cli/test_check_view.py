"""What `check` prints, writes and returns: the table, Markdown for a pull request, JSON, annotations."""

import dataclasses
import datetime
import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from lambdabench.cli import check_view
from lambdabench.cli.app import app
from lambdabench.commands import CheckResult
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.gate_protocol import Controls, Finding, PairOutcome, Side, Verdict, skipped
from lambdabench.gate import settings, waivers
from lambdabench.gate.result import Line, untimed


def verdict(ratio: float, margin: float, finding: Finding) -> Verdict:
    return Verdict(ratio=ratio, low=ratio - margin, high=ratio + margin, tolerance=0.02, finding=finding)


def timed(label: str, status: Finding, ratio: float, base_s: float = 0.00441, **more: object) -> Line:
    result = verdict(ratio, 0.008, status)
    outcome = PairOutcome(
        label=label, verdict=result, clock="thread CPU", base=Side(call_s=base_s), head=Side(call_s=base_s * ratio)
    )
    return Line(label=label, status=status, outcomes=(outcome,), verdict=result, **more)  # pyright: ignore[reportArgumentType]


RESULT = CheckResult(
    title="3f2a91c (merge base) → 8c1e077",
    lines=(
        timed("calm 56x56", "same", 1.001),
        timed(
            "lambda 56x56",
            "slower",
            1.084,
            evidence="3/3 processes; faults/call 0→212",
            explanation=("aten::bmm 1.00→2.00 ms",),
        ),
        timed("quick 7x7", "faster", 0.969),
        timed("tiny", "unclear", 1.012, base_s=41e-6, evidence="undecided after 10.0 s"),
        Line(label="young", status="new", evidence="base: no such layer"),
    ),
    controls=Controls(label="calm", same=verdict(1.0, 0.01, "same"), canary=verdict(1.1, 0.02, "slower")),
    seconds=128.0,
    pressure=0.14,
    request="--base origin/main",
)


def printed(result: CheckResult, *, show_all: bool = False) -> str:
    console = Console(width=150, markup=False, highlight=False, record=True, file=io.StringIO())
    check_view.print_result(console, result, show_all=show_all)
    return console.export_text()


def test_the_table() -> None:
    text = printed(RESULT)
    lines = text.splitlines()
    assert lines[0] == "check 3f2a91c (merge base) → 8c1e077   5 declared · 4 compared · 3 decided"
    assert lines[1].startswith(
        "controls  A/A same · canary +10 % caught · machine loaded (pressure 14 %): thread CPU time judged"
    )
    row = next(line for line in lines if line.startswith("lambda 56x56"))
    for part in ("4.41 ms", "4.78 ms", "+8.4 %", "[+7.6, +9.2]", "SLOWER", "3/3 processes; faults/call 0→212"):
        assert part in row
    assert "−3.1 %" in text
    assert "41 µs" in text
    assert "why  lambda 56x56: aten::bmm 1.00→2.00 ms" in text
    assert "1 same (within ±2.5 %)   --show all" in text
    assert "1 slower · 1 faster · 1 same · 1 unclear · 0 waived · 1 new   2 min 08 s   exit 1: 1 slower" in text
    assert "repeat  lambdabench check --base origin/main --only 'lambda 56x56'" in text
    assert 'case = "lambda 56x56"\nceiling = "10 %"\nuntil = ' in text
    assert "calm 56x56" not in text
    assert "calm 56x56" in printed(RESULT, show_all=True)


def test_controls_that_fail_are_told() -> None:
    assert RESULT.controls is not None
    missed = dataclasses.replace(RESULT.controls, canary=verdict(1.1, 0.2, "unclear"))
    text = printed(dataclasses.replace(RESULT, controls=missed))
    assert "canary +10 % NOT caught (+10.0 % unclear)" in text
    assert "exit 3: the controls did not come out as they must" in text
    assert "controls  none ran" in printed(dataclasses.replace(RESULT, controls=None, lines=()))


def test_markdown_for_a_pull_request() -> None:
    text = check_view.to_markdown(RESULT)
    lines = text.splitlines()
    assert lines[0] == "### 🔴 1 slower · 4/5 compared · 3 decided"
    assert (
        "| 🔴 slower | lambda 56x56 | **+8.4 %** [+7.6, +9.2] | 4.41 ms → 4.78 ms | 3/3 processes; faults/call 0→212 |"
        in lines
    )
    assert "<details><summary>1 faster, 1 same, 1 unclear, 1 new</summary>" in lines
    assert "Reproduce: `lambdabench check --base origin/main --only 'lambda 56x56'`" in text
    calm = dataclasses.replace(RESULT, lines=RESULT.lines[:1])
    assert check_view.to_markdown(calm).startswith("### 🟢 0 slower · 1/1 compared")
    void = dataclasses.replace(RESULT, lines=RESULT.lines[3:4])
    assert check_view.to_markdown(void).startswith("### ⚪ void: 1 of 1 unclear")


def test_files_summary_and_annotations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    check_view.publish(RESULT, markdown=tmp_path / "c.md", save=tmp_path / "kept", github=True)
    assert (
        (tmp_path / "summary").read_text()
        == (tmp_path / "c.md").read_text()
        == (tmp_path / "kept" / "check.md").read_text()
    )
    stored = json.loads((tmp_path / "kept" / "check.json").read_text())
    assert (stored["exit_code"], stored["declared"], stored["compared"]) == (1, 5, 4)
    assert stored["cases"][1]["verdict"]["ratio"] == 1.084
    assert capsys.readouterr().err == (
        "::error title=lambda 56x56::slower +8.4 %25 [+7.6%2C +9.2] 3/3 processes; faults/call 0→212\n"
    )
    assert (
        "::warning title=lambdabench check is void::"
        in check_view.annotations(dataclasses.replace(RESULT, lines=()))[0]
    )


@pytest.mark.parametrize("flags", [[], ["--base", "main", "--self-test"], ["--baseline", "x", "--base", "main"]])
def test_one_way_of_checking_is_asked_for(flags: list[str]) -> None:
    result = CliRunner().invoke(app, ["check", *flags])
    assert isinstance(result.exception, LambdabenchError)
    assert result.exception.exit_code == 2
    assert "expected one of --base REF, --baseline FILE, --history PATH and --self-test" in str(result.exception)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--base main --pytest tests/bench --record", "--record: found without --baseline"),
        ("--base main --record --strict", "--record, --strict: found without --baseline"),
        ("--self-test --strict", "--strict: found without --baseline"),
        ("--base main --rounds 2", "--rounds: found without --self-test"),
        ("--baseline perf.jsonl --pytest tests/bench", "--pytest: found without --base,"),
        ("--self-test --save kept --github", "--save, --github: found without --base,"),
    ],
)
def test_a_flag_of_another_way_of_checking_is_not_ignored(flags: str, said: str) -> None:
    result = CliRunner().invoke(app, ["check", *flags.split()])
    assert isinstance(result.exception, LambdabenchError)
    assert result.exception.exit_code == 2
    assert str(result.exception).startswith(said)


NAMES = ('quote " and \\ and \x7f', "tests/b.py::test_w[2000]", "tests/b.py::test_v[a*b?-é😀]", "tab\tand\x1b[31m")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ratio", [1.021, 1.084, 2.5, 40.0])
def test_the_printed_waiver_is_toml_that_accepts_the_case(tmp_path: Path, name: str, ratio: float) -> None:
    red = dataclasses.replace(RESULT, lines=(RESULT.lines[0], timed(name, "slower", ratio)))
    assert red.exit_code == 1
    (tmp_path / "pyproject.toml").write_text(after_accept(printed(red)))
    today = datetime.date.today()
    accepted, notes = waivers.apply(red.lines, settings.read(tmp_path), today)
    assert [line.status for line in accepted] == ["same", "waived"]
    assert len(notes) == 1


def after_accept(text: str) -> str:
    return text.partition("accept  in pyproject.toml, with your reason:\n")[2]


def test_printed_waivers_are_of_outputs_and_lost_cases_too_and_few(tmp_path: Path) -> None:
    lines = (
        Line(label="other", status="failed", outcomes=(PairOutcome(label="other", trouble="outputs"),)),
        Line(label="lost", status="gone"),
        Line(label="crash", status="failed", outcomes=(PairOutcome(label="crash", trouble="head"),)),
        Line(label="never", status="failed", evidence="it was not reached"),
    )
    result = dataclasses.replace(RESULT, lines=(*RESULT.lines[:2], *lines))
    (tmp_path / "pyproject.toml").write_text(after_accept(printed(result)))
    accepted, _ = waivers.apply(result.lines, settings.read(tmp_path), datetime.date.today())
    assert [line.status for line in accepted] == ["same", "waived", "waived", "waived", "failed", "failed"]
    many = dataclasses.replace(RESULT, lines=tuple(timed(f"case {n}", "slower", 1.1) for n in range(9)))
    text = after_accept(printed(many))
    assert text.count("[[tool.lambdabench.check.waiver]]") == 3
    assert text.endswith("# and 6 more\n")
    assert "accept" not in printed(dataclasses.replace(RESULT, lines=lines[2:]))
    assert "accept" not in printed(dataclasses.replace(RESULT, lines=RESULT.lines[:1]))


def test_a_failure_hides_nothing_in_the_last_line() -> None:
    failed = Line(label="a", status="failed", outcomes=(PairOutcome(label="a", trouble="head"),))
    slow = tuple(timed(f"case {n}", "slower", 1.1) for n in range(4))
    both = dataclasses.replace(RESULT, lines=(failed, *slow))
    assert "exit 1: 1 failed or missing on head, 4 slower" in printed(both)
    assert check_view.to_markdown(both).startswith("### 🔴 1 failed or missing on head, 4 slower · 4/5 compared")


def test_what_is_skipped_is_counted_and_told_with_its_reason() -> None:
    lines = (
        RESULT.lines[0],
        untimed(skipped("gpu", head="needs a GPU", base="needs a GPU"), (skipped("gpu", head="x", base="x"),)),
        untimed(skipped("new", head="", base="new in 2"), (skipped("new", head="", base="x"),)),
    )
    result = dataclasses.replace(RESULT, lines=lines)
    text = printed(result)
    assert "needs a GPU" in text
    assert "base alone skips it, so it is not compared: new in 2; head does not" in text
    assert "0 waived · 2 skipped" in text
    assert "exit 0: nothing slower; 1 skipped on one side, not compared" in text
    marked = check_view.to_markdown(result)
    assert marked.startswith("### 🟢 0 slower, 1 skipped on one side · 1/3 compared")
    assert "<summary>1 same, 2 skipped</summary>" in marked
    assert check_view.annotations(result) == []


def test_a_base_that_cannot_be_measured_is_red_wherever_it_is_shown() -> None:
    pair_outcome = PairOutcome(
        label="early 7x7", trouble="unmeasured", reason="ModuleNotFoundError: No module named 'x'"
    )
    result = dataclasses.replace(RESULT, lines=(RESULT.lines[0], untimed(pair_outcome, (pair_outcome,))))
    text = printed(result)
    assert "UNMEASURED  base cannot be measured: ModuleNotFoundError: No module named 'x'" in text
    assert "1 unmeasured" in text
    assert "exit 2: 1 of 2 not compared; base cannot be measured: ModuleNotFoundError" in text
    markdown = check_view.to_markdown(result)
    assert markdown.startswith("### 🔴 1 of 2 not compared; base cannot be measured")
    assert "| 🔴 unmeasured | early 7x7 |" in markdown
    assert [
        annotation.startswith("::error title=early 7x7::unmeasured") for annotation in check_view.annotations(result)
    ] == [True]
