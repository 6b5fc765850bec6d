"""What `run` prints: the plan, the progress, the closing table with what to do next."""

import dataclasses
import math
import shlex
from collections.abc import Sequence, Sized
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from ..analysis import table
from ..analysis.answers import covered, have_range
from ..analysis.legible import legible
from ..analysis.page import Column
from ..analysis.pareto import asked_batch
from ..analysis.passports import against, passports, pressure_phrase
from ..analysis.resolution import phrase as margin_phrase
from ..commands import Prepared, RunResult, results_words
from ..core import codec, fields, foreign, identity, registry
from ..core.options import differing, phrase, shared
from ..core.row_flags import HALVED, has_flag
from ..core.spec import Job
from ..core.units import format_duration, format_significant
from .beside_view import print_agreements, print_quoted
from .case_labels import OF_A_MODEL, fed_lines, teller
from .case_table import accuracy_legend, case_table
from .tables import show
from .tails_view import plan_line, tail_legend

SLACK = 1.25
"""Of a budget that is to take in all, over the estimate."""
QUIET_MARGIN = 1.05
"""A run was quiet where nothing in the passports of its visits speaks against it, and ratios are known to less."""
DRIFTED = 0.05
"""A reference that changed by more from the first half of its rounds to the second is told."""
MEND = "Run again on a quieter machine, with --patience 10m, or with --fresh (lambdabench doctor says what it can tell now)"
LONGER = "Run again with --patience, or with more of it"
NAMED = 12
"""Models that a line of skipped cells names."""
SETTINGS = tuple(field.name for field in fields.RUNNING)
PLAIN = fields.quiet("devices", "backend", "dtype")
"""What the first line does not tell."""
TITLES = {field.name: field.title for field in fields.RUNNING if field.name in fields.PLACES}


def print_plan(console: Console, prepared: Prepared, as_json: bool) -> None:
    """The cases in the order they would run, with estimated time and memory: in columns what differs among them."""
    planned = prepared.plan
    if as_json:
        jobs = [
            {
                "case_id": one.case_id,
                "model": one.case.model,
                "case": codec.encode(one.case) | {"options": dict(one.case.options)},
                "processes": one.sampling.processes,
                "visits": one.visits,
                "calls": one.calls,
                "estimate_s": one.estimate_s,
                "estimate_bytes": one.estimate_bytes,
            }
            for one in planned.jobs
        ]
        console.print_json(data={"jobs": jobs, "kept": len(planned.kept), "estimate_s": planned.estimate_s})
        return
    _print_jobs(console, planned.jobs)
    for line in fed_lines({one.case.model for one in planned.jobs}, prepared.facts.values()):
        console.print(foreign.plain(line), soft_wrap=True)
    told = teller([*(one.case for one in planned.jobs), *(one.case for one in planned.skips)])
    for skip in planned.skips:
        what = f"{skip.case.model} batch {skip.case.batch_size}{told(skip.case)}: {skip.reason}"
        console.print(f"skipped  {foreign.plain(what)}")
    if planned.fallback:
        console.print(f"! {planned.fallback}")
    if planned.jobs and (line := plan_line(planned.jobs)):
        console.print(line, soft_wrap=True)
    basis = "a calibration" if planned.calibrated else "the speed of a matrix product, without a calibration"
    console.print(
        f"{_cases(planned.jobs)} in {_visits(planned.jobs)}, about {format_duration(planned.estimate_s)} (estimated from FLOPs and "
        f"{basis}); {len(planned.kept)} already measured, {len(planned.skips)} skipped"
    )


def _cases(jobs: Sized) -> str:
    return f"{len(jobs)} case{'' if len(jobs) == 1 else 's'}"


def _visits(jobs: Sequence[Job]) -> str:
    """ "9 visits each, in 3 processes"; a range where cases differ."""
    told = [sorted({pick(one) for one in jobs} or {0}) for pick in (lambda j: j.visits, lambda j: j.sampling.processes)]
    rounds, processes = (str(one[0]) if len(one) == 1 else f"{one[0]} to {one[-1]}" for one in told)
    return f"{rounds} visits each, in {processes} process{'' if processes == '1' else 'es'}"


def _print_jobs(console: Console, jobs: Sequence[Job]) -> None:
    """A line of what all have in common, then a line a job."""
    if not jobs:
        return
    options = [dict(one.case.options) for one in jobs]
    keys = differing([(job.case.model, one) for job, one in zip(jobs, options, strict=True)])
    told = [
        {name: str(getattr(job.case, name)) for name in SETTINGS} | {"options": phrase(one, keys)}
        for job, one in zip(jobs, options, strict=True)
    ]
    varied = [name for name in told[0] if len({one[name] for one in told}) > 1]
    alike = [f"{TITLES.get(name, name)} {told[0][name]}" for name in SETTINGS if name not in varied]
    alike += [phrase(options[0], shared(options))] if shared(options) else []
    console.print(f"all: {', '.join(alike)}", soft_wrap=True)
    columns = [
        Column(title="model"),
        *(Column(title=TITLES.get(name, name), is_number=fields.NAMED[name].is_number) for name in varied),
        Column(title="visits", is_number=True, drop=1),
        Column(title="≈ s", is_number=True),
        Column(title="≈ GiB", is_number=True, drop=2),
    ]
    rows = [
        (
            one.case.model,
            *(words[name] for name in varied),
            str(one.visits),
            format_significant(one.estimate_s, 2),
            format_significant(None if one.estimate_bytes is None else one.estimate_bytes / 2**30, 2),
        )
        for one, words in zip(jobs, told, strict=True)
    ]
    show(console, columns, rows)


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
            console.print(case_table(_ranked(result)[~skipped], console.width, result.prepared.suite.sampling.at))
        _print_skipped(console, result.cases[skipped])
        _print_failed(console, result.cases, skipped)
        console.print()
        if elsewhere:
            console.print(f"! {elsewhere}", soft_wrap=True)
        _print_ties(console, result)
        _print_legend(console, result.cases)
        for line in tail_legend(result.cases, result.prepared.suite.sampling.at):
            console.print(line, soft_wrap=True)
        print_quoted(console, result.quoted)
        print_agreements(console, result.agreements)
    if saved := [str(one) for one in (result.file, *result.figures) if one is not None]:
        console.print(f"saved {' · '.join(saved)}", soft_wrap=True)
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
    rows = [{str(key): one for key, one in row.items()} for row in cases.to_dict("records")]
    tell = fields.teller([row | {"options": "{}"} for row in rows], of_model=OF_A_MODEL)
    for row, was_skipped in zip(rows, skipped, strict=True):
        if was_skipped or row["status"] == "ok":
            continue
        told, options = tell(row), "" if row["options"] == "{}" else f" {row['options']}"
        what = f"{row['model']}{options}{f' ({told})' if told else ''} b={row['batch_size']}"
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
        "figures": [str(one) for one in result.figures],
        "exit_code": code,
        "resolution": {
            "ratios_to": None if result.resolution.margin is None else result.resolution.margin - 1,
            "problem": result.resolution.problem,
            "lacking": result.lacking,
            "control": [
                {"batch_size": one.batch, "ratio": one.ratio.value, "low": one.ratio.low, "high": one.ratio.high}
                for one in result.resolution.controls
            ],
            "cannot_be_told_apart": [list(one) for one in result.resolution.ties],
        },
        "cases": plain.to_dict("records"),
    }


def _software(result: RunResult) -> str:
    """Versions of the frameworks whose backends ran, "torch 2.15.0"."""
    backends = set(result.cases["backend"]) if len(result.cases) else set[str]()
    used = {registry.load("backends", one).FRAMEWORK for one in backends} - {""} or {"torch"}
    env = identity.flat(result.prepared.machine.environment)
    return ", ".join(f"{one} {env.get(one) or 'absent'}" for one in sorted(used))


def _headline(result: RunResult) -> str:
    prepared = result.prepared
    cases = result.cases
    dtypes = ", ".join(sorted(set(cases["dtype"]))) if len(cases) else ""
    threads = "/".join(str(int(one)) for one in sorted(set(cases["threads"]))) if len(cases) else "?"
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
    told, found = result.resolution, passports(result.rows)
    drift = f"drifted {100 * (told.drift - 1):+.0f} %" if told.drift and abs(told.drift - 1) > DRIFTED else ""
    known = [one for one in (margin_phrase(told), drift) if one]
    company = against(found)
    if company or found.pressure is None:
        return [*company, *known]
    calm = (told.margin is None or told.margin < QUIET_MARGIN) and not drift
    return ["quiet" if calm else pressure_phrase(found), *known]


def _elsewhere(result: RunResult) -> str:
    """How many cases were measured in an environment that is not the planned one, and what differs; empty where none was."""
    rows, prepared = result.rows, result.prepared
    other = rows[rows["fingerprint"] != prepared.fingerprint] if len(rows) else rows
    if not len(other):
        return ""
    differ = table.differing(other, prepared.machine.environment)
    return (
        f"{_cases(other['case_id'].unique())} ran in another environment than was planned for ({', '.join(differ)}): "
        "that is another machine's number; run again"
    )


def _spread(result: RunResult) -> str:
    """Over how many devices and hosts cases were spread, where over more than one."""
    cases, hosts = result.cases, result.prepared.hosts.count
    devices = sorted({int(one) for one in cases["devices"]}) if len(cases) else [1]
    told = [f"{'/'.join(map(str, devices))} devices"] if devices != [1] else []
    told += [f"{hosts} hosts"] if hosts > 1 else []
    return f", {', '.join(told)}" if told else ""


def _modes(cases: pd.DataFrame) -> list[str]:
    """Modes and layouts other than the plain ones."""
    found = [(sorted(set(cases[name])) if len(cases) else [plain], plain) for name, plain in PLAIN.items()]
    return [", ".join(ones) for ones, plain in found if ones != [plain]]


def _second_line(result: RunResult) -> str:
    counts = result.counts
    text = (
        f"{_cases(result.prepared.plan.jobs)} in {format_duration(result.seconds)}, {len(result.prepared.plan.kept)} kept from before · "
        + ", ".join(f"{int(count)} {status}" for status, count in counts.items())
    )
    control = _control(result)
    return f"{text} · {control}" if control else text


def _control(result: RunResult) -> str:
    """The ratio of the pair that is one architecture under two names, for each batch size and each program and machine."""
    pair = result.prepared.suite.control
    said = [
        f"{f'{one.told} ' if one.told else ''}b={one.batch} {one.ratio.value:.3f} [{one.ratio.low:.3f}, {one.ratio.high:.3f}]"
        for one in sorted(result.resolution.controls, key=lambda one: one.batch)
    ]
    return f"control pair {pair[0]}/{pair[1]} {', '.join(said)} (must be 1)" if said and pair else ""


def _ranked(result: RunResult) -> pd.DataFrame:
    """The cases, without their places where the run cannot tell them."""
    return result.cases.assign(on_front=None) if result.resolution.problem else result.cases


def _print_ties(console: Console, result: RunResult) -> None:
    """Models that follow each other and cannot be told apart; where nothing is ranked, why, and the mend."""
    told, cases = result.resolution, result.cases
    if told.problem:
        console.print(f"! nothing is ranked: {told.problem}. {MEND}", soft_wrap=True)
        return
    if result.lacking:
        console.print(f"! {result.lacking}. {LONGER}", soft_wrap=True)
    names = dict(zip(cases["case_id"], cases["model"], strict=True))
    batches = dict(zip(cases["case_id"], asked_batch(cases), strict=True))
    for tie in told.ties:
        models = dict.fromkeys(foreign.plain(str(names[one])) for one in tie)
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
    found, planned = result.estimates, result.prepared.plan
    if not planned.jobs:
        return
    text = f"planned about {format_duration(planned.estimate_s)}, took {format_duration(result.seconds)}"
    if found.sized:
        text += f"; memory of {found.within_memory} of {found.sized} cases within a factor of two of the estimate"
    console.print(text, soft_wrap=True)


def _print_next(console: Console, result: RunResult, repeat: list[str], results: Path) -> None:
    if result.interrupted:
        console.print(f"stopped; what was done is kept. Go on with  lambdabench {shlex.join(repeat)}", soft_wrap=True)
        return
    bad = result.cases[result.cases["status"] != "ok"]["model"].tolist() if len(result.cases) else []
    commands = [["plot", "pareto", "--suite", result.prepared.suite.name]] if result.figures else []
    commands += [["show", bad[0]]] if bad else []
    hints = [shlex.join(["lambdabench", *one, *results_words(results)]) for one in commands]
    if hints:
        console.print("next  " + " · ".join(hints), soft_wrap=True)
    _print_left_out(console, result, repeat)


def _print_left_out(console: Console, result: RunResult, repeat: list[str]) -> None:
    """What the budget left out, and the command that takes it in."""
    planned = result.prepared.plan
    if not planned.left_out_s:
        return
    jobs = sum(one.status == "skipped" and "budget" in one.reason for one in planned.skips)
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
        return f"ratios are not known as precisely as was asked{f', {others}' if others else ''}"
    if code == 3:
        return f"no case has a usable number{f': {others}' if others else ''}"
    said = [f"{count} {status}" for status, count in result.counts.items() if status != "ok"]
    differing = sum(one.finding == "different" for one in result.agreements)
    return ", ".join([*said, f"outputs of {differing} pairs differ"] if differing else said)
