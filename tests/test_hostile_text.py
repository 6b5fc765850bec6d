"""Hostile names, reasons, devices and test ids through every way by which text leaves: no terminal, page, figure or comment obeys them."""

import csv
import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lambdabench import commands, store
from lambdabench.cli import check_view, gate_view, live_view, run_view, show_view, terminal
from lambdabench.commands import CheckResult, RunResult
from lambdabench.conduct import Turn, case_state
from lambdabench.core import foreign
from lambdabench.core.gate_protocol import Controls, PairOutcome, Side, Verdict
from lambdabench.core.record import Outcome, Record
from lambdabench.core.spec import Case, Cell, Environment, Job, Machine, Plan, Sampling, Skip, Suite
from lambdabench.gate.baseline import BaselineLine
from lambdabench.gate.result import Line

HOSTILE = {
    "escape": "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "lines": "ok\r\nexit 0: all is well\n::error::no",
    "cell": "a | b | ok | ![x](http://x/y.png) [a](javascript:x)",
    "html": "<script>alert(1)</script> & <img src=x onerror=y> -->",
    "markup": "[red]no[/red] [/] [link=x]y[/link] `code` **bold** _em_ ~~s~~",
    "math": "$\\frac{1}{0}$ $ \\ $$ { } ^ _ %",
    "order": "safe\u202egnp\u2066\u200b\ufeff\u2028\u2029",
    "no text": "\x00\udc80\ufffe\uffff\U000e0041",
    "scripts": "网络 größe ∑ 🙂",
    "calls": "@everyone #1 www.x.org https://u:pw@h/p",
    "formula": "=cmd|' /C calc'!A0",
    "long": "x" * 3000,
}
SHOWN = "lb_marks_this"
"""In every hostile text: it must be seen, not lost."""


TEXTS = {key: f"{SHOWN} {name}" for key, name in HOSTILE.items()}
STORED = {key: name.encode("utf-8", "replace").decode() for key, name in TEXTS.items()}
"""As Parquet holds them: without halves of letters."""
ALL = " ".join(name for key, name in STORED.items() if key != "long")


@pytest.fixture
def results(tmp_path: Path, make_record: Callable[..., Record]) -> Path:
    """Networks of those names on a device of all of them, measured at two batch sizes; one failed at a third."""
    rows: list[Record] = []
    for name in STORED.values():
        fixed = {"model": name, "device_name": ALL, "suite": "mine"}
        for batch in (1, 2):
            for metric, value in (("latency", 0.1 * batch), ("throughput", 10.0), ("parameters", 1e6)):
                rows.append(make_record(metric, value, batch_size=batch, case_id=f"{name[:60]}{batch}", **fixed))
        rows.append(make_record(None, batch_size=4, case_id=f"{name[:60]}4", status="crash", reason=name, **fixed))
    store.write(rows, store.run_path(tmp_path / "results", "mine", "r1"))
    return tmp_path / "results"


CODE = re.compile(r"(?<![\\`])(`+)(?!`)[^\n]*?(?<!`)\1(?!`)")


def refuse_raw(printed: str) -> None:
    """What was printed has no character that does something, and no login."""
    assert not foreign.UNSEEN.search(printed.replace("\n", ""))
    assert "pw@" not in printed
    printed.encode()


def refuse_lines(printed: str) -> None:
    """No line is one that the text made up."""
    assert not re.search(r"(?m)^(exit 0: all is well|::error::no)$", printed)


def refuse_markdown(page: str) -> None:
    """Its tables are tables, and all else is text."""
    refuse_raw(page)
    text = CODE.sub("", page)
    assert not re.search(r"<(?!/?(details|summary)>)", text)
    assert not re.search(r"(?<!\\)!?\[[^\]]*\]\((?!\w+\.svg\))", text), "no link but those to figures"
    assert not re.search(r"@(?!&#8203;)\w", text)
    width = 0
    for line in page.splitlines():
        bars = len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
        assert not line.startswith("|") or not width or bars == width, line
        width = bars if line.startswith("|") else 0


def test_what_list_prints(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show_view.print_list(terminal.console(), commands.list_names("runs", results), "*")
    printed = capsys.readouterr().out
    refuse_raw(printed)
    refuse_lines(printed)


@pytest.mark.parametrize("key", HOSTILE)
def test_what_show_prints(
    key: str, make_record: Callable[..., Record], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = make_record(None, model=STORED[key], status="crash", reason=STORED[key], device_name=STORED[key], case_id="c")
    store.write([row], store.run_path(tmp_path, "mine", "r1"))
    cases, rows = commands.show("c", tmp_path)
    show_view.print_cases(terminal.console(), cases, rows, lambda case: commands.repeat_command(case, tmp_path))
    printed = capsys.readouterr().out
    refuse_raw(printed)
    refuse_lines(printed)


def test_a_run(results: Path, environment: Environment, capsys: pytest.CaptureFixture[str]) -> None:
    rows = store.newest(store.read(results))
    jobs = [
        Job(
            job_id="j",
            case_id="c",
            case=Case(model=text, device="cpu", image_px=8, threads=1, param_dtype="float32"),
            metrics=("latency",),
            sampling=Sampling(),
        )
        for text in TEXTS.values()
    ]
    prepared = commands.Prepared(
        suite=Suite(name="mine", cells=(Cell(case=jobs[0].case, grid="g"),), metrics=("latency",)),
        machine=Machine(devices=(), environment=environment),
        plan=Plan(
            jobs=tuple(jobs),
            skips=tuple(Skip(case_id="c", case=job.case, status="skipped", reason=job.case.model) for job in jobs),
            device_title=ALL,
            fallback=ALL,
        ),
        fingerprint="f00",
        defaults={},
    )
    result = RunResult(
        prepared=prepared,
        cases=commands.wide_frame(rows),
        rows=rows,
        counts={"ok": 2, "crash": 1},
        file=None,
        figures=(),
        seconds=1.0,
    )
    run_view.print_plan(terminal.console(), prepared, as_json=False)
    run_view.print_result(terminal.console(), result, 1, repeat=["run"], results=results)
    with live_view.progress(prepared, quiet=False) as say:
        for job in jobs:
            outcome = Outcome(job_id="j", status="crash", reason=job.case.model)
            turn = Turn(standing=case_state.CaseState(job=job), job=job, ended=outcome)
            say(commands.Progress(turn=turn, visits=1, total=2, records=tuple))
    printed = "".join(capsys.readouterr())
    refuse_raw(printed)
    assert printed.count(SHOWN) > 4 * len(HOSTILE)
    run_view.print_plan(terminal.console(), prepared, as_json=True)
    name = capsys.readouterr().out
    refuse_raw(name)
    assert all(SHOWN in job["model"] for job in json.loads(name)["jobs"])
    json.loads(json.dumps(run_view.as_json(result, 1)))


def test_figures_and_their_numbers(results: Path, tmp_path: Path) -> None:
    files = commands.plot_curves("scaling", results, None, filters={}, out=tmp_path / "out")
    files += commands.plot_pareto(results, None, x="latency", y="parameters", filters={}, out=tmp_path / "out")
    pictures = [file for file in files if file.suffix == ".svg"]
    assert len(pictures) == 2
    for picture in pictures:
        drawn = picture.read_text(encoding="utf-8")
        refuse_raw(drawn)
        root = ElementTree.fromstring(drawn)
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not tags & {"script", "img", "image", "a", "foreignObject"}
        assert "".join(root.itertext()).count(SHOWN) > len(HOSTILE)
    for picture in files:
        if picture.suffix == ".csv":
            with picture.open(newline="", encoding="utf-8") as file:
                head, *lines = list(csv.reader(file))
            assert {len(line) for line in lines} == {len(head)}
            assert not any(cell.startswith(("=", "@", "+")) for line in lines for cell in line)
            refuse_raw("".join(cell for line in lines for cell in line))


def test_a_page(results: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    title = json.dumps(ALL, ensure_ascii=False).replace("\x7f", "\\u007f")
    own.write_text(
        f'schema = 1\ntitle = {title}\nsource = {title}\nplots = []\n[[grid]]\nmodel = "a"\n', encoding="utf-8"
    )
    page = commands.write_report(str(own), results, tmp_path / "reports")[0].read_text(encoding="utf-8")
    refuse_markdown(page)
    assert page.count(SHOWN) > 3 * len(HOSTILE)
    assert len([line for line in page.splitlines() if line.startswith("# ")]) == 1


def check_result(text: str) -> CheckResult:
    verdict = Verdict(ratio=1.1, low=1.08, high=1.12, tolerance=0.02, finding="slower")
    outcome = PairOutcome(
        label=text, verdict=verdict, clock="thread CPU", base=Side(call_s=0.1), head=Side(call_s=0.11), reason=text
    )
    slower = Line(
        label=f"t.py::{text}", status="slower", outcomes=(outcome,), verdict=verdict, evidence=text, explanation=(text,)
    )
    failed = Line(label=text, status="failed", evidence=text)
    same = dataclasses.replace(slower, status="same", label=f"u.py::{text}")
    controls = Controls(
        label=text,
        same=dataclasses.replace(verdict, ratio=1.0, low=0.99, high=1.01, finding="same"),
        canary=verdict,
    )
    lines = (slower, failed, same)
    return CheckResult(
        title=text, lines=lines, controls=controls, seconds=1.0, notes=(text,), expired=(text,), request=text
    )


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_check(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = check_result(text)
    check_view.print_result(terminal.console(), result, show_all=True)
    with check_view.progress(quiet=False) as say:
        say("stage", result.lines[0].outcomes[0])
    printed = "".join(capsys.readouterr())
    refuse_raw(printed.replace(check_view._toml(result.lines[0].label), ""))  # pyright: ignore[reportPrivateUsage]
    refuse_lines(printed)
    comment = check_view.to_markdown(result)
    refuse_markdown(comment)
    assert comment.count(SHOWN) > 5
    for line in check_view.annotations(result):
        refuse_raw(line)
        assert line.startswith("::error title=")
        assert line.count("::") == 2
    refuse_raw(json.dumps(check_view.as_json(result), ensure_ascii=False).replace("\\n", ""))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_stored_sessions(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    standing = BaselineLine(label=text, status="failed", sessions=0, reason=text)

    @dataclasses.dataclass(frozen=True)
    class Found:
        standings: tuple[BaselineLine, ...] = (standing,)
        today: tuple[str, ...] = ()

    for as_json in (False, True):
        gate_view.print_baseline(terminal.console(), Found(), tmp_path, 0, as_json=as_json)
        printed = capsys.readouterr().out
        refuse_raw(printed)
        refuse_lines(printed)
        assert SHOWN in printed
