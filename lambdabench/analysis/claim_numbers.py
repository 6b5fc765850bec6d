"""Judged claims as plain data: what `--json` prints, and what a bundle holds and must give again."""

from collections.abc import Mapping, Sequence
from typing import Any

from .claim_accuracy import PaperRatio
from .claim_bench import Tested
from .claim_conditions import label
from .claim_witness import Witnessed
from .claims import Judged


def as_numbers(claims: Sequence[Judged], witnesses: Sequence[Witnessed] = ()) -> dict[str, Any]:
    """Every claim with its rows and conditions, every number with its interval; then what published tables say."""
    return {"claims": [_claim(item) for item in claims], "witnesses": [_witness(item) for item in witnesses]}


def different(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of claims of which two such objects say something else, and those that one of them lacks."""
    mine, theirs = ({item.get("id"): item for item in side.get("claims", ())} for side in (before, after))
    return tuple(str(name) for name in dict.fromkeys([*mine, *theirs]) if mine.get(name) != theirs.get(name))


def _claim(item: Judged) -> dict[str, Any]:
    paper = item.paper
    return {
        "id": item.claim.id,
        "says": item.claim.says,
        "where": item.claim.where,
        "quoted": item.claim.quoted,
        "paper": None if paper is None else _paper(paper),
        "rows": [
            {
                "kernel": row.kernel,
                "recipe": row.recipe,
                "finding": row.finding,
                "reached": row.reached,
                "conditions": len(row.tested),
                "lacking_processes": row.lacking,
                "worst": "" if row.worst is None or row.worst.condition is None else label(row.worst.condition),
                "tested": [_tested(tested) for tested in row.tested],
            }
            for row in item.rows
        ],
    }


def _paper(paper: PaperRatio) -> dict[str, Any]:
    return {
        "ratio": paper.value,
        "interval": _ends(paper.speed),
        "with_accuracies": _ends(paper.both),
        "conditions": list(paper.conditions),
    }


def _tested(tested: Tested) -> dict[str, Any]:
    return {
        "condition": "" if tested.condition is None else label(tested.condition),
        "status": tested.status,
        "reason": tested.reason,
        "ratio": tested.value,
        "interval": _ends(tested.interval),
        "with_accuracies": _ends(tested.both),
        "processes": tested.processes,
        "fault": None if tested.fault is None else tested.fault.says,
        "environment": list(tested.environment),
    }


def _witness(item: Witnessed) -> dict[str, Any]:
    return {
        "table": item.table,
        "model": item.name,
        "recipe": item.recipe,
        "ratio": item.value,
        "reason": item.reason,
        "fault": None if item.fault is None else item.fault.says,
        "origin": "quoted",
    }


def _ends(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)
