"""What `run` prints: the plan, the progress, the closing table with what to do next."""

import dataclasses
import math
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from ..analysis import table
from ..analysis.answers import covered, have_range
from ..analysis.legible import legible
from ..analysis.pareto import asked_batch
from ..analysis.passports import against, passports, pressure_phrase
from ..analysis.resolution import phrase as margin_phrase
from ..analysis.unsupported_metrics import unsupported_metrics
from ..commands import RunResult, results_words
from ..core import fields, foreign, identity, registry
from ..core.row_flags import HALVED, has_flag
from ..core.units import format_duration
from .beside_view import print_agreements, print_best, print_quoted
from .case_labels import OF_A_MODEL
from .case_table import accuracy_legend, case_table
from .load_view import print_loads
from .plan_view import cases_phrase, print_plan
from .race_view import is_shown, measured_phrase, print_race
from .tails_view import tail_legend

SLACK = 1.25
"""Of a budget that is to take in all, over the estimate."""
QUIET_MARGIN = 1.05
"""A run was quiet where nothing in the passports of its visits speaks against it, and ratios are known to less."""
DRIFTED = 0.05
"""A reference that changed by more from the first half of its rounds to the second is told."""
MEND = "Run again on a quieter machine, with --patience 10m, or with --fresh (lambdabench doctor says what it can tell now)"
LONGER = "Run again with --patience, or with more of it"
__all__ = ["as_json", "print_plan", "print_result"]
NAMED = 12
"""Models that a line of skipped cells names."""
PLAIN = fields.quiet("devices", "backend", "dtype")
"""What the first line does not tell."""


def print_result(console: Console, result: RunResult, code: int, *, repeat: list[str], results: Path) -> None:
    """The closing table, what it means, where it is stored, and what to do next."""
    elsewhere = _elsewhere(result)
    result = dataclasses.replace(result, cases=legible(result.cases), rows=legible(result.rows))
    console.print(_headline(result), soft_wrap=True)
    console.print(_second_line(result), soft_wrap=True)
    console.print()
    if not result.cases.empty:
        skipped = result.cases["status"] == "skipped"
        if not skipped.all():
            shown = is_shown(_ranked(result), result.race)
            console.print(
                case_table(shown[shown["status"] != "skipped"], console.width, result.prepared.suite.sampling.at)
            )
        _print_skipped(console, result.cases[skipped])
        _print_failed(console, result.cases, skipped)
        for line in unsupported_metrics(result.rows):
            console.print(f"✗ {line}", soft_wrap=True)
        console.print()
        if elsewhere:
            console.print(f"! {elsewhere}", soft_wrap=True)
        _print_ties(console, result)
        if result.race is not None:
            print_race(console, result.race, is_ranked=not result.resolution.problem)
        _print_legend(console, result.cases)
        for line in tail_legend(result.cases, result.prepared.suite.sampling.at):
            console.print(line, soft_wrap=True)
        print_loads(console, result.cases)
        print_quoted(console, result.quoted)
        print_best(console, result.best)
        print_agreements(console, result.agreements)
    if saved := [str(path) for path in (result.file, *result.figures) if path is not None]:
        console.print(f"saved {' · '.join(saved)}", soft_wrap=True)
    if result.page is not None:
        console.print(f"page  {result.page}", soft_wrap=True)
    _print_estimates(console, result)
    _print_next(console, result, repeat, results)
    console.print(f"exit {code}: {_exit_reason(result, code)}", soft_wrap=True)


def _print_skipped(console: Console, skipped: pd.DataFrame) -> None:
    """A line a reason: how many cells, and of which models."""
    for reason, group in skipped.groupby("reason", sort=False):
        models = list(dict.fromkeys(group["model"]))
        more = f" and {len(models) - NAMED} more models" if len(models) > NAMED else ""
        count = f"{len(group)} cell{'' if len(group) == 1 else 's'}"
        console.print(f"✗ {count} skipped: {reason}: {', '.join(models[:NAMED])}{more}", soft_wrap=True)


def _print_failed(console: Console, cases: pd.DataFrame, skipped: pd.Series) -> None:
    """A line a case that ran and has no number, with all that tells it from the run's others."""
    rows = [{str(key): item for key, item in row.items()} for row in cases.to_dict("records")]
    tell = fields.teller([row | {"options": "{}"} for row in rows], of_model=OF_A_MODEL)
    for row, was_skipped in zip(rows, skipped, strict=True):
        if was_skipped or row["status"] == "ok":
            continue
        name, options = tell(row), "" if row["options"] == "{}" else f" {row['options']}"
        what = f"{row['model']}{options}{f' ({name})' if name else ''} b={row['batch_size']}"
        if has_flag(row["flags"], HALVED):
            console.print(f"½ {what}  did not fit: half of it was tried", soft_wrap=True)
            continue
        console.print(f"✗ {what}  {row['status']}: {row['reason']}", soft_wrap=True)


def as_json(result: RunResult, code: int) -> dict[str, Any]:
    """The same facts as one JSON object; missing numbers are null."""
    plain = result.cases.astype(object).where(result.cases.notna(), None)
    return {
        "suite": result.prepared.suite.name,
        "device": result.prepared.plan.device_title,
        "fingerprint": result.prepared.fingerprint,
        "counts": {str(key): int(value) for key, value in result.counts.items()},
        "seconds": result.seconds,
        "file": None if result.file is None else str(result.file),
        "page": None if result.page is None else str(result.page),
        "figures": [str(figure) for figure in result.figures],
        "exit_code": code,
        "resolution": {
            "ratios_to": None if result.resolution.margin is None else result.resolution.margin - 1,
            "problem": result.resolution.problem,
            "lacking": result.lacking,
            "control": [
                {
                    "batch_size": control.batch,
                    "ratio": control.ratio.value,
                    "low": control.ratio.low,
                    "high": control.ratio.high,
                }
                for control in result.resolution.controls
            ],
            "cannot_be_told_apart": [list(tie) for tie in result.resolution.ties],
        },
        "cases": plain.to_dict("records"),
        "race": None if result.race is None else dataclasses.asdict(result.race),
    }


def _software(result: RunResult) -> str:
    """Versions of the runtimes that ran, "onnxruntime 1.32.0, torch 2.15.0"."""
    backends = set(result.cases["backend"]) if len(result.cases) else set[str]()
    libraries = (getattr(registry.load("backends", backend), "LIBRARIES", ())[:1] for backend in backends)
    used = {library.name for first in libraries for library in first} or {"torch"}
    env = identity.flat(result.prepared.machine.environment)
    return ", ".join(f"{item} {env.get(item) or 'absent'}" for item in sorted(used))


def _headline(result: RunResult) -> str:
    prepared = result.prepared
    cases = result.cases
    dtypes = ", ".join(sorted(set(cases["dtype"]))) if len(cases) else ""
    threads = "/".join(str(int(thread)) for thread in sorted(set(cases["threads"]))) if len(cases) else "?"
    title = prepared.plan.device_title or ", ".join(sorted(set(cases["device_name"])) if len(cases) else ())
    parts = (
        f"{foreign.plain(title)}{_spread(result)}",
        _software(result),
        dtypes,
        f"{threads} threads",
        *_modes(cases),
        *_state(result),
    )
    return f"{foreign.plain(prepared.suite.name)}   {' · '.join(parts)}"


def _state(result: RunResult) -> list[str]:
    """How quiet it was while cases were visited, and what ratios the run can tell. Quiet is what both say."""
    resolution, outcome = result.resolution, passports(result.rows)
    drift = (
        f"drifted {100 * (resolution.drift - 1):+.0f} %"
        if resolution.drift and abs(resolution.drift - 1) > DRIFTED
        else ""
    )
    known = [name for name in (margin_phrase(resolution), drift) if name]
    company = against(outcome)
    if company or outcome.pressure is None:
        return [*company, *known]
    calm = (resolution.margin is None or resolution.margin < QUIET_MARGIN) and not drift
    return ["quiet" if calm else pressure_phrase(outcome), *known]


def _elsewhere(result: RunResult) -> str:
    """How many cases were measured in an environment that is not the planned one, and what differs; empty where none was."""
    rows, prepared = result.rows, result.prepared
    other = rows[rows["fingerprint"] != prepared.fingerprint] if len(rows) else rows
    if not len(other):
        return ""
    differ = table.differing(other, prepared.machine.environment)
    return (
        f"{cases_phrase(other['case_id'].unique())} ran in another environment than was planned for ({', '.join(differ)}): "
        "that is another machine's number; run again"
    )


def _spread(result: RunResult) -> str:
    """Over how many devices and hosts cases were spread, where over more than one."""
    cases, hosts = result.cases, result.prepared.hosts.count
    devices = sorted({int(device) for device in cases["devices"]}) if len(cases) else [1]
    names = [f"{'/'.join(map(str, devices))} devices"] if devices != [1] else []
    names += [f"{hosts} hosts"] if hosts > 1 else []
    return f", {', '.join(names)}" if names else ""


def _modes(cases: pd.DataFrame) -> list[str]:
    """Modes and layouts other than the plain ones."""
    result = [(sorted(set(cases[name])) if len(cases) else [plain], plain) for name, plain in PLAIN.items()]
    return [", ".join(ones) for ones, plain in result if ones != [plain]]


def _second_line(result: RunResult) -> str:
    counts = result.counts
    jobs = result.prepared.plan.jobs
    cases = cases_phrase(jobs) if result.race is None else measured_phrase(result.race)
    text = (
        f"{cases} in {format_duration(result.seconds)}, {len(result.prepared.plan.kept)} kept from before · "
        + ", ".join(f"{int(count)} {status}" for status, count in counts.items())
    )
    control = _control(result)
    return f"{text} · {control}" if control else text


def _control(result: RunResult) -> str:
    """The ratio of the pair that is one architecture under two names, for each batch size and each program and machine."""
    pair = result.prepared.suite.control
    said = [
        f"{f'{control.told} ' if control.told else ''}b={control.batch} "
        f"{control.ratio.value:.3f} [{control.ratio.low:.3f}, {control.ratio.high:.3f}]"
        for control in sorted(result.resolution.controls, key=lambda control: control.batch)
    ]
    return f"control pair {pair[0]}/{pair[1]} {', '.join(said)} (must be 1)" if said and pair else ""


def _ranked(result: RunResult) -> pd.DataFrame:
    """The cases, without their places where the run cannot tell them."""
    return result.cases.assign(on_front=None) if result.resolution.problem else result.cases


def _print_ties(console: Console, result: RunResult) -> None:
    """Models that follow each other and cannot be told apart; where nothing is ranked, why, and the mend."""
    resolution, cases = result.resolution, result.cases
    if resolution.problem:
        console.print(f"! nothing is ranked: {resolution.problem}. {MEND}", soft_wrap=True)
        return
    if result.lacking:
        console.print(f"! {result.lacking}. {LONGER}", soft_wrap=True)
    names = dict(zip(cases["case_id"], cases["model"], strict=True))
    batches = dict(zip(cases["case_id"], asked_batch(cases), strict=True))
    for tie in resolution.ties:
        models = dict.fromkeys(foreign.plain(str(names[name])) for name in tie)
        if len(models) > 1:
            console.print(f"b={batches[tie[0]]}: cannot be told apart: {', '.join(models)}", soft_wrap=True)


def _print_legend(console: Console, cases: pd.DataFrame) -> None:
    console.print(
        "● on the front (P > 0.95)  ◐ perhaps, with its probability  · dominated  ✗ no number   [low, high]: 95 % interval",
        soft_wrap=True,
    )
    if have_range(cases, ["peak_memory"]):
        console.print("GiB (least to most): of several processes.", soft_wrap=True)
    covers = covered(cases, ["throughput"])
    if covers == {"one process"}:
        console.print(
            "Intervals cover one process each; between processes they would be wider (percents).", soft_wrap=True
        )
    for line in accuracy_legend(cases):
        console.print(line, soft_wrap=True)


def _print_estimates(console: Console, result: RunResult) -> None:
    """What was planned beside what it took."""
    estimate_check, planned = result.estimates, result.prepared.plan
    if not planned.jobs or result.race is not None:
        return
    text = f"planned about {format_duration(planned.estimate_s)}, took {format_duration(result.seconds)}"
    if estimate_check.sized:
        text += f"; memory of {estimate_check.within_memory} of {estimate_check.sized} cases within a factor of two of the estimate"
    console.print(text, soft_wrap=True)


def _print_next(console: Console, result: RunResult, repeat: list[str], results: Path) -> None:
    if result.interrupted:
        console.print(f"stopped; what was done is kept. Go on with  lambdabench {shlex.join(repeat)}", soft_wrap=True)
        return
    bad = result.cases[result.cases["status"] != "ok"]["model"].tolist() if len(result.cases) else []
    commands = [["plot", "pareto", "--suite", result.prepared.suite.name]] if result.figures else []
    commands += [["show", bad[0]]] if bad else []
    hints = [shlex.join(["lambdabench", *command, *results_words(results)]) for command in commands]
    if hints:
        console.print("next  " + " · ".join(hints), soft_wrap=True)
    _print_left_out(console, result, repeat)


def _print_left_out(console: Console, result: RunResult, repeat: list[str]) -> None:
    """What the budget left out, and the command that takes it in."""
    planned = result.prepared.plan
    if not planned.left_out_s:
        return
    jobs = sum(skip.status == "skipped" and "budget" in skip.reason for skip in planned.skips)
    minutes = math.ceil(SLACK * (planned.left_out_s + planned.estimate_s) / 60)
    at = repeat.index("--budget") if "--budget" in repeat else len(repeat)
    again = shlex.join([*repeat[:at], *repeat[at + 2 :], "--budget", f"{minutes}m"])
    console.print(
        f"left out by the budget: about {format_duration(planned.left_out_s)} more ({jobs} cases). All of it: lambdabench {again}",
        soft_wrap=True,
    )


def _exit_reason(result: RunResult, code: int) -> str:
    others = ", ".join(f"{count} {status}" for status, count in result.counts.items() if status != "ok")
    if code == 0:
        return f"all is well{f', {others} (--strict makes it 1)' if others else ''}"
    if code == 130:
        return "interrupted"
    if code == 3 and result.resolution.problem and result.counts.get("ok"):
        return f"this run cannot tell what it is to rank{f', {others}' if others else ''}"
    if code == 3 and result.lacking and result.counts.get("ok"):
        return f"what was asked is not known as precisely yet{f', {others}' if others else ''}"
    if code == 3:
        return f"no case has a usable number{f': {others}' if others else ''}"
    said = [f"{count} {status}" for status, count in result.counts.items() if status != "ok"]
    differing = sum(agreement.finding == "different" for agreement in result.agreements)
    return ", ".join([*said, f"outputs of {differing} pairs differ"] if differing else said)
