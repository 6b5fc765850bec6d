"""What `claims` prints: a row a claim, what may be concluded, and the commands that measure what is missing."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ..analysis.claim_conclusions import DEVICES
from ..analysis.claim_numbers import as_numbers
from ..analysis.claim_page import (
    claims_section,
    conditions_section,
    differences,
    version,
    witness_section,
)
from ..analysis.claims import Judged
from ..analysis.page import Column, Section
from ..commands import ClaimsResult, Derived, Prepared, claims_command, missing_models
from ..core import foreign
from ..core.spec import Job
from ..core.units import format_duration
from ..facts.claims import Claims, network
from .tables import fitted, show

BUDGET_SHARE = 1.15
"""Of the time of what is wanted: preparing takes some of a budget."""
MOST = 6
"""Claims whose every condition is printed too."""


def print_claims(console: Console, result: ClaimsResult, results: Path, *, as_json: bool) -> None:
    """The table of claims, of few claims also every condition, the second witness, ten lines, and the next command."""
    result = foreign.cleaned(result)
    if as_json:
        console.print_json(data=_as_json(result, results))
        return
    where = f"{result.machine.name} ({result.machine.kind})" if result.machine.name else "nothing was measured yet"
    console.print(
        f"claims   arXiv 2102.08602 on {where}" if result.machine.name else f"claims   arXiv 2102.08602: {where}"
    )
    _print_section(console, claims_section(result.judged))
    if len(result.judged) <= MOST:
        _print_section(console, conditions_section(result.judged))
        for item in result.judged:
            if words := differences(item, result.machine):
                console.print(f"differs  {words}", soft_wrap=True)
    else:
        _print_section(console, witness_section(result.witnesses))
    for place, line in enumerate(result.conclusions, 1):
        console.print(f"{place:>2}  {line}", soft_wrap=True)
    for line in _end(result, results):
        console.print(line, soft_wrap=True)


def _print_section(console: Console, section: Section) -> None:
    if not section.table.rows:
        return
    console.print()
    console.print(fitted(section.table.columns, section.table.rows, console.width))
    console.print()


def _end(result: ClaimsResult, results: Path) -> list[str]:
    lines = [version(result.known)]
    if result.others:
        names = ", ".join(f"{item.name} ({item.kind})" for item in result.others)
        lines.append(f"other machines of these results: {names}; --machine NAME")
    if any(item.missing for item in result.judged):
        only = result.judged[0] if len(result.judged) == 1 else None
        lines.append(f"next  {claims_command(only, results)}   (how long: lambdabench claims --dry-run)")
    return lines


def _as_json(result: ClaimsResult, results: Path) -> dict[str, Any]:
    return {
        **_of_file(result.known),
        "machine": result.machine.name,
        "device": result.machine.kind,
        "other_machines": [item.name for item in result.others],
        **as_numbers(result.judged, result.witnesses),
        "conclusions": list(result.conclusions),
        "missing": [
            {"id": item.claim.id, "networks": list(item.missing), "command": claims_command(item, results)}
            for item in result.judged
            if item.missing
        ],
    }


def _of_file(known: Claims) -> dict[str, Any]:
    return {"claims_version": known.version, "claims_sha256": known.sha256, "rules": dict(known.rules)}


def print_missing(console: Console, result: ClaimsResult, prepared: Prepared, results: Path, *, as_json: bool) -> None:
    """Of each claim that lacks something the command and its time here; then that of all."""
    jobs = prepared.plan.jobs
    lacks = [_lacking(item, jobs, results) for item in result.judged if item.missing]
    if as_json:
        data = {"missing": lacks, "estimate_s": prepared.plan.estimate_s, "cases": len(jobs)}
        console.print_json(data={**_of_file(result.known), **data})
        return
    if not lacks:
        console.print("nothing is missing: every headline has been measured")
        return
    columns = [Column(title="claim"), Column(title="headline"), Column(title="all conditions"), Column(title="command")]
    rows = [
        (lack["id"], format_duration(lack["headline_s"]), format_duration(lack["all_s"]), lack["command"])
        for lack in lacks
    ]
    show(console, columns, rows)
    every = f"{claims_command(None, results)}, {len(jobs)} cases, about {format_duration(prepared.plan.estimate_s)}"
    console.print(
        f"all of it: {every}. Headlines come first: --budget ends it where they are done, and without it the same command goes on",
        soft_wrap=True,
    )
    for line in filter(None, (prepared.plan.fallback and f"! {prepared.plan.fallback}", *_elsewhere(result))):
        console.print(line, soft_wrap=True)


def _lacking(item: Judged, jobs: Sequence[Job], results: Path) -> dict[str, Any]:
    """What a claim lacks, and the command that measures its headlines, with the seconds of these and of all its conditions."""
    headline_s, all_s = _time_of(item, jobs)
    budget = f" --budget {math.ceil(BUDGET_SHARE * headline_s / 60)}m" if 0 < headline_s < all_s else ""
    return {
        "id": item.claim.id,
        "networks": list(item.missing),
        "headline_s": headline_s,
        "all_s": all_s,
        "command": f"{claims_command(item, results)}{budget}",
    }


def _elsewhere(result: ClaimsResult) -> list[str]:
    """What is to be done on devices that these results are not of."""
    kinds = {result.machine.kind, *(item.kind for item in result.others)}
    return [
        f"not measured on any {name} yet: on one, lambdabench run --suite claims"
        for kind, name in DEVICES.items()
        if kind not in kinds
    ]


def _time_of(item: Judged, jobs: Sequence[Job]) -> tuple[float, float]:
    """Estimated seconds of what its headlines want, and of its models under every condition."""
    names = {network(name) for name in item.missing}
    models = set(missing_models([item]))
    headline = item.rows[0].headline.condition
    every = [job for job in jobs if job.case.model in models]
    first = [
        job
        for job in every
        if (job.case.model, job.case.image_px) in names
        and headline is not None
        and (job.case.mode, job.case.backend, job.case.dtype, job.case.layout, job.case.batch_size)
        == (
            headline.mode,
            headline.setting.backend,
            headline.setting.dtype,
            headline.setting.layout,
            headline.setting.batch_size,
        )
        and not dict(job.case.options).get("fold")
    ]
    return sum(job.estimate_s or 0.0 for job in first), sum(job.estimate_s or 0.0 for job in every)


def print_derived(console: Console, derived: Derived, *, as_json: bool) -> None:
    """What a bundle gives again, and what of it does not fit."""
    derived = foreign.cleaned(derived)
    result = derived.result
    if as_json:
        data = {"bundle": derived.name, "problems": list(derived.problems), "rows": derived.rows}
        again = (
            {}
            if result is None
            else {**_of_file(result.known), **as_numbers(result.judged), "machine": result.machine.name}
        )
        console.print_json(data={**data, **again})
        return
    if result is not None:
        console.print(
            f"claims   {derived.name}: {derived.rows:,} rows, made with lambdabench {derived.made_with}", soft_wrap=True
        )
        _print_section(console, claims_section(result.judged))
        for place, line in enumerate(result.conclusions, 1):
            console.print(f"{place:>2}  {line}", soft_wrap=True)
        console.print(version(result.known))
    for problem in derived.problems:
        console.print(f"! {problem}", soft_wrap=True)
    fits = (
        "does not fit: what is named above differs"
        if derived.problems
        else "fits: every figure was derived again from its rows, and is the same"
    )
    console.print(f"{derived.name} {fits}", soft_wrap=True)
