"""What `claims` prints: a row a claim, what may be concluded, and the commands that measure what is missing."""

import math
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
from ..analysis.page import Column, Section
from ..commands import ClaimsPlan, ClaimsResult, Derived, ToMeasure, claims_command
from ..core import foreign
from ..core.units import format_duration
from ..facts.claims import Claims
from .tables import fitted, show

PATIENCE_SHARE = 1.25
"""Of the estimated time of further processes: preparing, and rounds on a machine that others use, take some."""
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
    return lines + _next(result, results)


def _next(result: ClaimsResult, results: Path) -> list[str]:
    """What to run: first what no headline has, then further processes of what has no verdict."""
    timed = [item for item in result.judged if item.claim.kind in ("curve", "ratio")]
    how_long = "how long: lambdabench claims --dry-run"
    if missing := [item for item in timed if item.missing]:
        every = len(missing) == len(timed) > 1
        return [f"next  {claims_command([] if every else missing, results)}   ({how_long})"]
    if open_ := [item for item in timed if item.lacking]:
        return [f"next  {claims_command(open_, results)} --patience 30m   (until each has a verdict; {how_long})"]
    return []


def _as_json(result: ClaimsResult, results: Path) -> dict[str, Any]:
    return {
        **_of_file(result.known),
        "machine": result.machine.name,
        "device": result.machine.kind,
        "other_machines": [item.name for item in result.others],
        **as_numbers(result.judged, result.witnesses),
        "conclusions": list(result.conclusions),
        "missing": [
            {
                "id": item.claim.id,
                "networks": list(item.missing),
                "processes": item.lacking,
                "command": claims_command([item], results),
            }
            for item in result.judged
            if item.missing or item.lacking
        ],
    }


def _of_file(known: Claims) -> dict[str, Any]:
    return {"claims_version": known.version, "claims_sha256": known.sha256, "rules": dict(known.rules)}


def print_missing(console: Console, result: ClaimsResult, plan: ClaimsPlan, results: Path, *, as_json: bool) -> None:
    """Of each claim that lacks something the command and its time here; then that of all conditions."""
    every = None if plan.every is None else plan.every.plan
    if as_json:
        cases, estimate_s = (0, 0.0) if every is None else (len(every.jobs), every.estimate_s)
        data = {"missing": [_of_plan(item) for item in plan.claims], "estimate_s": estimate_s, "cases": cases}
        console.print_json(data={**_of_file(result.known), **data})
        return
    if not plan.claims:
        console.print("nothing is missing: every headline has been measured, and has a verdict")
        return
    columns = [
        Column(title="claim"),
        Column(title="lacks"),
        Column(title="about", is_number=True),
        Column(title="command"),
    ]
    rows = [(item.judged.claim.id, _lacks(item), format_duration(item.seconds), _command(item)) for item in plan.claims]
    show(console, columns, rows)
    if every is not None:
        console.print(
            f"under all conditions: {claims_command([], results)}, {len(every.jobs)} cases, about "
            f"{format_duration(every.estimate_s)}; headlines come first, and what a --budget cuts off the same command goes on with",
            soft_wrap=True,
        )
    for line in filter(None, (plan.fallback and f"! {plan.fallback}", *_elsewhere(result))):
        console.print(line, soft_wrap=True)


def _of_plan(item: ToMeasure) -> dict[str, Any]:
    return {
        "id": item.judged.claim.id,
        "networks": list(item.judged.missing),
        "processes": item.judged.lacking,
        "headline_s": item.seconds,
        "command": _command(item),
    }


def _lacks(item: ToMeasure) -> str:
    """ "3 networks", "about 4 processes", or that the environment is another one now."""
    if item.is_anew:
        return "all, in the environment of now"
    missing, lacking = len(item.judged.missing), item.judged.lacking
    if missing:
        return f"{missing:,} network{'' if missing == 1 else 's'}"
    return f"about {lacking:,} process{'' if lacking == 1 else 'es'}"


def _command(item: ToMeasure) -> str:
    """The whole command, with time for further processes where it takes these."""
    if item.judged.missing:
        return item.command
    return f"{item.command} --patience {math.ceil(PATIENCE_SHARE * item.seconds / 60)}m"


def _elsewhere(result: ClaimsResult) -> list[str]:
    """What is to be done on devices that these results are not of."""
    kinds = {result.machine.kind, *(item.kind for item in result.others)}
    return [
        f"not measured on any {name} yet: on one, lambdabench run --suite claims"
        for kind, name in DEVICES.items()
        if kind not in kinds
    ]


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
