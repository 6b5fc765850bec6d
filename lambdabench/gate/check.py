"""`check --base REF`: two trees to verdicts. First one process a kernel; then, for what looks slower, two more; then Holm."""

import datetime
import itertools
import math
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..analysis.judge import confirms, holm
from ..core.errors import LambdabenchError
from ..core.pairing import Controls, Entry, PairOutcome, PairRequest, Rules, Verdict
from ..core.registry import ROOT
from ..machine import quiet
from . import entries as cases
from . import explain, pardon, trees
from . import settings as setup
from .processes import Answered, Nursery, ask
from .result import Line, Result, untimed

CONFIRMATIONS = 2
OnOutcome = Callable[[str, PairOutcome], None]
"""Of the stage, "compare" or "confirm"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked."""

    base: str
    suite: str = "kernels-quick"
    only: str = "*"
    rules: Rules | None = None
    """None: the repository's own."""
    confirm_s: float = 2.0
    """Seconds of a case in each of the fresh processes."""
    folder: Path = field(default_factory=Path.cwd)
    today: datetime.date = field(default_factory=datetime.date.today)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Folders of the two packages."""

    base: Path
    head: Path


def run(request: Request, on_outcome: OnOutcome) -> Result:
    """The whole check. Raises LambdabenchError for a request that cannot be carried out."""
    started_s = time.monotonic()
    found = trees.find(request.base, request.folder)
    settings = setup.read(found.repository)
    rules = request.rules or settings.rules()
    before = quiet.take_snapshot()
    with trees.checked_out(found) as base:
        sides = Sides(base=_package(base, "base"), head=_package(found.repository, "head"))
        entries = settings.applied(cases.entries_of(cases.suite_of(request.suite, found.repository), rules))
        chosen = cases.matching(entries, request.only)
        gone = _gone(request, base, entries)
        first, controls = compare(chosen, sides, on_outcome)
        again = confirm(chosen, first, sides, request.confirm_s, on_outcome)
    lines, notes = pardon.apply((*judge_lines(chosen, first, again), *gone), settings, request.today)
    strange = settings.strangers([one.label for one in (*entries, *gone)])
    return Result(
        title=found.title,
        lines=lines,
        controls=controls,
        seconds=time.monotonic() - started_s,
        pressure=quiet.noise_between(before, quiet.take_snapshot(), 1).cpu_pressure,
        notes=(*notes, *(f"pyproject.toml names a case that {request.suite} does not have: {one}" for one in strange)),
        expired=pardon.expired(settings, request.today),
        request=_asked(request),
    )


def compare(
    entries: Sequence[Entry], sides: Sides, on_outcome: OnOutcome
) -> tuple[dict[str, PairOutcome], Controls | None]:
    """Stage one: a process a kernel, forked where that can be. Controls come from the first process that can have them."""
    found: dict[str, PairOutcome] = {}
    controls: Controls | None = None
    with Nursery() as nursery:
        for group in groups(entries):
            asked = _pair(sides, group, controls=controls is None)
            answered = ask(asked, lambda one: on_outcome("compare", one), nursery)
            found |= {one.label: one for one in answered.outcomes}
            controls = controls or answered.controls
    return found, controls


def confirm(
    entries: Sequence[Entry], first: dict[str, PairOutcome], sides: Sides, confirm_s: float, on_outcome: OnOutcome
) -> dict[str, list[PairOutcome]]:
    """Stage two: what looks slower, in fresh processes, sides made in either order."""
    suspects = [one for one in entries if (v := first[one.label].verdict) is not None and v.finding == "slower"]
    found: dict[str, list[PairOutcome]] = {one.label: [] for one in suspects}
    for group in groups(suspects):
        for number in range(CONFIRMATIONS):
            last = number == CONFIRMATIONS - 1
            asked = _pair(sides, group, fixed_s=confirm_s, swapped=not number, explain=last, seed=number + 1)
            answered: Answered = ask(asked, lambda one: on_outcome("confirm", one))
            for one in answered.outcomes:
                found[one.label].append(one)
    return found


def groups(entries: Sequence[Entry]) -> list[tuple[Entry, ...]]:
    """Entries that share a process: one kernel's, on one backend, with one number of threads."""
    ordered = sorted(entries, key=_kernel)
    return [tuple(group) for _, group in itertools.groupby(ordered, key=_kernel)]


def judge_lines(
    entries: Sequence[Entry], first: dict[str, PairOutcome], again: dict[str, list[PairOutcome]]
) -> tuple[Line, ...]:
    """A line a case, in the order of the suite. Slower is what every process says, after Holm over all that were compared."""
    compared = [one for one in entries if first[one.label].verdict is not None]
    p_values = [_p_value(first[one.label], again.get(one.label, [])) for one in compared]
    alpha = compared[0].rules.alpha if compared else 0.0
    significant = dict(zip((one.label for one in compared), holm(p_values, alpha), strict=True))
    return tuple(
        _line(one, first[one.label], again.get(one.label, []), significant.get(one.label, False)) for one in entries
    )


def _line(entry: Entry, first: PairOutcome, again: list[PairOutcome], significant: bool) -> Line:
    outcomes = (first, *again)
    if first.verdict is None:
        return untimed(first, outcomes)
    if first.verdict.finding != "slower":
        return Line(
            label=entry.label,
            status=first.verdict.finding,
            outcomes=outcomes,
            verdict=first.verdict,
            evidence=first.reason,
        )
    known = [one for one in outcomes if one.verdict is not None]
    verdict = _pooled(known)
    agreeing = sum(one.verdict is not None and one.verdict.ratio > 1 + entry.rules.tolerance for one in outcomes)
    said = f"{agreeing}/{1 + CONFIRMATIONS} processes"
    logs = [math.log(one.verdict.ratio) for one in known if one.verdict is not None]
    if len(known) < 1 + CONFIRMATIONS:
        reason = next((one.reason for one in again if one.verdict is None), "a process gave no answer")
        return Line(
            label=entry.label, status="unclear", outcomes=outcomes, verdict=verdict, evidence=f"{said}; {reason}"
        )
    if why := _unstable(known):
        return Line(label=entry.label, status="unclear", outcomes=outcomes, verdict=verdict, evidence=f"{said}; {why}")
    if not (confirms(logs, entry.rules) and significant):
        why = "not confirmed" if agreeing < len(known) else "the processes differ too much to be sure"
        return Line(label=entry.label, status="unclear", outcomes=outcomes, verdict=verdict, evidence=f"{said}; {why}")
    return Line(
        label=entry.label,
        status="slower",
        outcomes=outcomes,
        verdict=verdict,
        evidence="; ".join((said, *explain.short(first))),
        explanation=explain.long(known[-1]),
    )


def _pooled(outcomes: Sequence[PairOutcome]) -> Verdict:
    """The mean of the processes' ratios within the narrowest and widest ends of their intervals."""
    verdicts = [one.verdict for one in outcomes if one.verdict is not None]
    ratio = math.exp(sum(math.log(one.ratio) for one in verdicts) / len(verdicts))
    return Verdict(
        ratio=ratio,
        low=min(one.low for one in verdicts),
        high=max(one.high for one in verdicts),
        tolerance=verdicts[0].tolerance,
        finding="slower",
    )


def _unstable(outcomes: Sequence[PairOutcome]) -> str:
    """Why processes that agree on the time are not to be believed: page faults that only some of them had."""
    apart = [abs(one.head.faults_per_call - one.base.faults_per_call) > explain.FAULTS_APART for one in outcomes]
    if any(apart) and not all(apart):
        return f"page faults differ between the sides in {sum(apart)} of {len(apart)} processes: the allocator, not the code"
    return ""


def _p_value(first: PairOutcome, again: Sequence[PairOutcome]) -> float:
    """The largest of the processes'; 1 where nothing looks slower."""
    if first.verdict is None or first.verdict.finding != "slower" or not again:
        return 1.0
    return max(one.p_value for one in (first, *again))


def _pair(
    sides: Sides,
    group: tuple[Entry, ...],
    *,
    controls: bool = False,
    fixed_s: float | None = None,
    swapped: bool = False,
    explain: bool = False,
    seed: int = 0,
) -> PairRequest:
    return PairRequest(
        base=str(sides.base),
        head=str(sides.head),
        entries=group,
        controls=controls,
        fixed_s=fixed_s,
        swapped=swapped,
        explain=explain,
        seed=seed,
    )


def _kernel(entry: Entry) -> tuple[str, str, str, int]:
    case = entry.case
    return case.model, case.backend, case.device, case.threads or 1


def _package(tree: Path, side: str) -> Path:
    folder = tree / ROOT
    if not (folder / "__init__.py").is_file():
        raise LambdabenchError(
            f"{side} ({tree}) holds no package {ROOT}, which a suite compares; for benchmarks of your own give --pytest PATH"
        )
    return folder


def _gone(request: Request, base: Path, entries: Sequence[Entry]) -> list[Line]:
    """Cases that base's suite has and head's has no more. Nothing is asked of a base that cannot tell."""
    path = base / "suites" / f"{request.suite}.toml"
    if not path.is_file():
        return []
    try:
        before = cases.entries_of(cases.suite_of(str(path), base), Rules())
    except LambdabenchError:
        return []
    there = {one.label for one in entries}
    lost = [one for one in before if one.label not in there]
    chosen = cases.matching(lost, request.only) if request.only == "*" and lost else ()
    return [
        Line(label=one.label, status="gone", evidence="base's suite has this case, head's does not") for one in chosen
    ]


def _asked(request: Request) -> str:
    """The flags that ask for this again, but for the cases."""
    suite = "" if request.suite == "kernels-quick" else f" --suite {shlex.quote(request.suite)}"
    return f"--base {shlex.quote(request.base)}{suite}"
