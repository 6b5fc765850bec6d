"""What `run --dry-run` prints: the cases in the order in which they would run, what they take, what is skipped."""

from collections.abc import Sequence, Sized
from dataclasses import asdict

from rich.console import Console

from ..analysis.page import Column
from ..commands import Prepared
from ..commands.for_target import known_of
from ..core import codec, fields, foreign
from ..core.options import differing, phrase, shared
from ..core.spec import Job
from ..core.targets import Target
from ..core.units import format_duration, format_significant
from ..facts.ahead import Row
from .case_labels import fed_lines, teller
from .race_view import print_starters
from .tables import show
from .tails_view import plan_line

SETTINGS = tuple(field.name for field in fields.RUNNING)
TITLES = {field.name: field.title for field in fields.RUNNING if field.name in fields.PLACES}


def print_plan(console: Console, prepared: Prepared, as_json: bool) -> None:
    """The cases in the order they would run, with estimated time and memory: in columns what differs among them."""
    planned = prepared.plan
    if prepared.race is not None:
        print_starters(console, prepared.race, prepared, as_json)
        return
    if as_json:
        jobs = [
            {
                "case_id": job.case_id,
                "model": job.case.model,
                "case": codec.encode(job.case) | {"options": dict(job.case.options)},
                "processes": job.sampling.processes,
                "visits": job.visits,
                "calls": job.calls,
                "estimate_s": job.estimate_s,
                "estimate_bytes": job.estimate_bytes,
                **({} if row is None else {"ahead": asdict(row)}),
            }
            for job, row in zip(planned.jobs, _known(prepared), strict=True)
        ]
        console.print_json(data={"jobs": jobs, "kept": len(planned.kept), "estimate_s": planned.estimate_s})
        return
    if prepared.target is not None:
        _print_ahead(console, prepared, prepared.target)
        return
    _print_jobs(console, planned.jobs)
    for line in fed_lines({job.case.model for job in planned.jobs}, prepared.facts.values()):
        console.print(foreign.plain(line), soft_wrap=True)
    text = teller([*(job.case for job in planned.jobs), *(skip.case for skip in planned.skips)])
    for skip in planned.skips:
        what = f"{skip.case.model} batch {skip.case.batch_size}{text(skip.case)}: {skip.reason}"
        console.print(f"skipped  {foreign.plain(what)}")
    if planned.fallback:
        console.print(f"! {planned.fallback}")
    if planned.jobs and (line := plan_line(planned.jobs)):
        console.print(line, soft_wrap=True)
    basis = "a calibration" if planned.calibrated else "the speed of a matrix product, without a calibration"
    console.print(
        f"{cases_phrase(planned.jobs)} in {_visits(planned.jobs)}, about {format_duration(planned.estimate_s)} (estimated from FLOPs and "
        f"{basis}); {len(planned.kept)} already measured, {len(planned.skips)} skipped"
    )


def _known(prepared: Prepared) -> list[Row | None]:
    """What the compiler of the machine that is planned for said of each job; None of all where it is this one."""
    cases = [job.case for job in prepared.plan.jobs]
    return [None] * len(cases) if prepared.target is None else known_of(prepared.target, cases)


def _print_ahead(console: Console, prepared: Prepared, target: Target) -> None:
    """Does each case compile for a machine that is not here, does it fit, at which batch. No estimate of time: none was measured there."""
    jobs, rows = prepared.plan.jobs, _known(prepared)
    options = [dict(job.case.options) for job in jobs]
    keys = differing([(job.case.model, values) for job, values in zip(jobs, options, strict=True)])
    words = [
        {name: str(getattr(job.case, name)) for name in SETTINGS} | {"options": phrase(values, keys)}
        for job, values in zip(jobs, options, strict=True)
    ]
    varied = [name for name in (words[0] if words else {}) if len({item[name] for item in words}) > 1]
    console.print(
        f"for {target.name}: {target.chips} x {target.title}, {target.memory_bytes / 2**30:.0f} GiB each",
        soft_wrap=True,
    )
    columns = [
        Column(title="model"),
        *(Column(title=TITLES.get(name, name), is_number=fields.NAMED[name].is_number) for name in varied),
        Column(title="compiler"),
        Column(title="batch that fits", is_number=True),
        Column(title="GiB a device", is_number=True),
        Column(title="kernel", drop=1),
    ]
    lines = [
        (job.case.model, *(item[name] for name in varied), *_ahead_words(row))
        for job, item, row in zip(jobs, words, rows, strict=True)
    ]
    show(console, columns, lines)
    known = [row for row in rows if row is not None]
    versions = sorted({f"libtpu {row.libtpu}" for row in known if row.libtpu})
    console.print(
        f"{cases_phrase(jobs)}, {len(known)} of them compiled ahead of time{f' by {versions[-1]}' if versions else ''}: predictions of the "
        "compiler, nothing was measured there; .ci/ahead.py compiles the rest",
        soft_wrap=True,
    )


def _ahead_words(row: Row | None) -> tuple[str, str, str, str]:
    if row is None:
        return "not asked yet", "–", "–", ""
    said = {"fits": "fits", "too_large": f"too large: {row.needed_gib:g} GiB", "unfinished": "not within its time"}
    memory = format_significant(row.arguments_gib + row.extra_gib) if row.fits else "–"
    return said.get(row.status, f"refused: {row.reason}"), str(row.fits) if row.fits else "–", memory, row.kernel


def cases_phrase(jobs: Sized) -> str:
    """ "12 cases"."""
    return f"{len(jobs)} case{'' if len(jobs) == 1 else 's'}"


def _visits(jobs: Sequence[Job]) -> str:
    """ "9 visits each, in 3 processes"; a range where cases differ."""
    numbers = [
        sorted({pick(job) for job in jobs} or {0}) for pick in (lambda j: j.visits, lambda j: j.sampling.processes)
    ]
    rounds, processes = (str(values[0]) if len(values) == 1 else f"{values[0]} to {values[-1]}" for values in numbers)
    return f"{rounds} visits each, in {processes} process{'' if processes == '1' else 'es'}"


def _print_jobs(console: Console, jobs: Sequence[Job]) -> None:
    """A line of what all have in common, then a line a job."""
    if not jobs:
        return
    options = [dict(job.case.options) for job in jobs]
    keys = differing([(job.case.model, values) for job, values in zip(jobs, options, strict=True)])
    text = [
        {name: str(getattr(job.case, name)) for name in SETTINGS} | {"options": phrase(values, keys)}
        for job, values in zip(jobs, options, strict=True)
    ]
    varied = [name for name in text[0] if len({item[name] for item in text}) > 1]
    alike = [f"{TITLES.get(name, name)} {text[0][name]}" for name in SETTINGS if name not in varied]
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
            job.case.model,
            *(words[name] for name in varied),
            str(job.visits),
            format_significant(job.estimate_s, 2),
            format_significant(None if job.estimate_bytes is None else job.estimate_bytes / 2**30, 2),
        )
        for job, words in zip(jobs, text, strict=True)
    ]
    show(console, columns, rows)
