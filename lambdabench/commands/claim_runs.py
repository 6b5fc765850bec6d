"""What is still to be measured for verdicts on the paper's claims: the commands, and their times on this machine."""

import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..analysis.claims import Judged
from ..suite.parse_overrides import overrides_of
from ._results import results_words
from ._run_types import Prepared, RunRequest
from .claims import SUITE, ClaimsResult, cases_of, missing_models
from .run import prepare


@dataclass(frozen=True, slots=True, kw_only=True)
class ToMeasure:
    """What one claim lacks. `seconds`: estimated, of what its headline lacks; `command`: what measures that, without a time; `is_anew`:
    whether it was measured in another environment than this one, in which all of it is measured again."""

    judged: Judged
    seconds: float
    command: str
    is_anew: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsPlan:
    """Of each claim what it lacks; `every`: the plan of all conditions of what some headline lacks, None where none lacks any."""

    claims: tuple[ToMeasure, ...]
    every: Prepared | None
    fallback: str = ""


def planned_claims(result: ClaimsResult, results: Path, budget_s: float | None) -> ClaimsPlan:
    """The plan of the suite's runs for what these claims lack, with its times on this machine; nothing is measured. Raises what `prepare`
    raises."""
    open_ = [item for item in result.judged if item.missing or item.lacking]
    timed = [item.claim.id for item in open_ if item.claim.kind in ("curve", "ratio")]
    if not timed:
        return ClaimsPlan(claims=(), every=None)
    request = RunRequest(suite=SUITE, results=results, dry_run=True)
    first = prepare(dataclasses.replace(request, claims=tuple(timed), patience_s=1.0))
    every = None
    if models := missing_models(open_):
        overrides = overrides_of({"models": ",".join(models)})
        every = prepare(dataclasses.replace(request, overrides=overrides, budget_s=budget_s))
    return ClaimsPlan(
        claims=tuple(_to_measure(item, first, results) for item in open_ if item.claim.id in timed),
        every=every,
        fallback=first.plan.fallback,
    )


def claims_command(claims: Sequence[Judged], results: Path) -> str:
    """The command that measures what the headlines of claims lack; of all claims and conditions where none is given."""
    words = ["lambdabench", "run", "--suite", SUITE]
    if claims:
        words += ["--claim", ",".join(item.claim.id for item in claims)]
    return shlex.join([*words, *results_words(results)])


def _to_measure(item: Judged, prepared: Prepared, results: Path) -> ToMeasure:
    """Of its headline: cases that are not there, and one visit of each case in each further process."""
    new, more = ({job.case: job for job in jobs} for jobs in (prepared.plan.jobs, prepared.plan.more))
    absent, there = cases_of(new, item.claim), cases_of(more, item.claim)
    once_s = sum(new[case].estimate_s or 0.0 for case in absent)
    further_s = sum(more[case].open_s + more[case].visit_s for case in there)
    return ToMeasure(
        judged=item,
        seconds=once_s + item.lacking * further_s,
        command=claims_command([item], results),
        is_anew=bool(absent) and not item.missing,
    )
