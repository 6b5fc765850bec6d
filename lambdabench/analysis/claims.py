"""The paper's claims on one machine: of each the ratio here under every condition, what the headline says of it, and what is missing.

A claim has a row for the paper's own layer and one for ours, and, where it is of equal accuracy, for each recipe of the other family.
The verdict is by the headline condition alone; the others say how far it depends on how one runs.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..facts.claims import Claim, Claims, Recipe
from . import claim_conditions as where
from .answers import WIDTH, answer
from .claim_accuracy import PaperRatio, accuracy_asked, needed, paper_ratio, top1
from .claim_bench import Bench, Tested, environment_of, of_two
from .claim_best import best_of_each
from .claim_conditions import Cases, Condition, Line, Machine, Wanted
from .claim_rules import Finding, Limits, finding, is_equality, processes_lacking
from .equal_accuracy import Comparison, Points, compared

SAME = 1.1
"""A factor within which two speeds are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A claim with one kernel and one recipe: the verdict, and every condition, the headline first."""

    kernel: str
    recipe: str
    finding: Finding
    tested: tuple[Tested, ...]
    reached: int = 0
    """Conditions in which the ratio reaches the paper's; those that failed or were not run are among `tested`, and did not."""
    lacking: int = 0
    """Processes more that the headline takes to have a verdict, as far as can be told; 0 where it has one, or no interval."""

    @property
    def headline(self) -> Tested:
        """The condition that the verdict is by."""
        return self.tested[0]

    @property
    def usable(self) -> tuple[Tested, ...]:
        """The conditions that have a number."""
        return tuple(item for item in self.tested if item.is_usable)

    @property
    def worst(self) -> Tested | None:
        """The condition with the least ratio."""
        return min(self.usable, key=lambda item: item.value or math.inf, default=None)

    @property
    def best(self) -> Tested | None:
        """The condition with the greatest ratio."""
        return max(self.usable, key=lambda item: item.value or -math.inf, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A claim, the paper's own ratio, and its rows on one machine."""

    claim: Claim
    paper: PaperRatio | None
    rows: tuple[Row, ...]

    @property
    def lacking(self) -> int:
        """Processes more until every row has a verdict, as far as can be told."""
        return max((row.lacking for row in self.rows), default=0)

    @property
    def missing(self) -> tuple[str, ...]:
        """Networks that some headline still wants, "model@px"."""
        return tuple(dict.fromkeys(name for row in self.rows for name in row.headline.missing))


def judged(known: Claims, measured: Bench, machine: Machine, ids: Collection[str] = ()) -> tuple[Judged, ...]:
    """Every claim, or those of `ids`, on one machine, in the order of the file."""
    return tuple(
        Judged(claim=claim, paper=paper_ratio(claim, known), rows=tuple(_rows(claim, known, measured, machine)))
        for claim in known.claims
        if not ids or claim.id in ids
    )


def reaches(claim: Claim, value: float) -> bool:
    """Whether a ratio is at least the paper's; of a claim of equality, within a factor of 1.1 of 1."""
    return 1 / SAME <= value <= SAME if is_equality(claim.quoted, claim.rule) else value >= claim.quoted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """A claim under one condition; `recipe`: whose curve is theirs, None where the claim is of two networks."""

    claim: Claim
    known: Claims
    recipe: Recipe | None
    condition: Condition


def _rows(claim: Claim, known: Claims, measured: Bench, machine: Machine) -> Iterator[Row]:
    if claim.kind == "training":
        yield Row(kernel="", recipe="", finding="not measurable", tested=(Tested(condition=None, status="not run"),))
        return
    if claim.kind == "count":
        yield _counted(claim, known, measured)
        return
    of_set = known.set_of(claim)
    assert of_set is not None
    if machine.kind not in of_set.headline:
        reason = f"no condition is listed for {machine.kind}; there are some for {', '.join(of_set.headline)}"
        tested = Tested(condition=None, status="not run", reason=reason)
        yield Row(kernel="", recipe="", finding="not measured", tested=(tested,))
        return
    recipes = known.curves_of(claim).theirs if claim.kind == "curve" else (None,)
    for recipe in recipes:
        asked = where.conditions(claim, of_set, machine.kind, (recipe.recipe if recipe else "",))
        for kernel in where.KERNELS:
            tested = tuple(
                _tested(_Question(claim=claim, known=known, recipe=recipe, condition=condition), measured, machine)
                for condition in asked
                if condition.kernel == kernel
            )
            if tested and recipe is None:
                tested = (*tested, best_of_each(claim, tested, measured, machine))
            if tested:
                yield _row(claim, known, tested)


def _row(claim: Claim, known: Claims, tested: Sequence[Tested]) -> Row:
    headline = tested[0]
    assert headline.condition is not None
    verdict: Finding = "not measured"
    lacking, limits = 0, _limits(known)
    if headline.is_usable:
        verdict = "unclear"
        if headline.interval is not None and headline.fault is None:
            verdict = finding(
                claim.quoted,
                headline.interval,
                rule=claim.rule,
                limits=limits,
                is_at_accuracy=claim.is_at_accuracy,
            )
            lacking = processes_lacking(
                claim.quoted, headline.interval, headline.processes, rule=claim.rule, limits=limits
            )
    reached = sum(item.is_usable and reaches(claim, item.value or 0.0) for item in tested)
    return Row(
        kernel=headline.condition.kernel,
        recipe=headline.condition.recipe,
        finding=verdict,
        tested=tuple(tested),
        reached=reached,
        lacking=lacking,
    )


def _limits(known: Claims) -> Limits:
    return Limits(widest=known.widest, power=known.power)


def _tested(question: _Question, measured: Bench, machine: Machine) -> Tested:
    """A claim under one condition on one machine."""
    claim, condition = question.claim, question.condition
    there = where.under(measured.lines, condition, machine)
    if question.recipe is not None:
        return _along_curves(question, question.recipe, there, measured)
    sides = [
        where.wanted(names, options, condition, measured.choosing)
        for names, options in ((claim.mine, claim.mine_options), (claim.theirs, claim.theirs_options))
    ]
    cases = where.matched(there, [*sides[0], *sides[1]])
    if cases.status != "ok":
        return _without(condition, cases)
    top, bottom = (cases.by_name[where.key_of(side[0])] for side in sides)
    estimate = of_two(top, bottom, measured)
    if estimate is None:
        alone = [answer(line, "throughput").value for line in (top, bottom)]
        value = alone[0] / alone[1] if alone[0] and alone[1] else None
        return Tested(
            condition=condition, status="ok", value=value, reason="no interval", environment=environment_of(top)
        )
    return Tested(
        condition=condition,
        status="ok",
        value=estimate.value,
        interval=(estimate.low, estimate.high),
        processes=estimate.processes,
        fault=where.fault_of([top, bottom], question.known.faults),
        environment=environment_of(top),
    )


def _without(condition: Condition, cases: Cases) -> Tested:
    """A condition of which something failed or was not run."""
    names = (*cases.missing, *(name for name, _ in cases.failed))
    return Tested(condition=condition, status=cases.status, reason=cases.reason, missing=names)


def _along_curves(question: _Question, recipe: Recipe, there: Sequence[Line], measured: Bench) -> Tested:
    """A claim of equal accuracy: both curves must have the networks between whose accuracies the claim lies."""
    claim, known, condition = question.claim, question.known, question.condition
    curves = known.curves_of(claim)
    at = accuracy_asked(claim, curves)
    names = [needed(curves.mine, curves.weights, at), needed(recipe.models, recipe.weights, at)]
    if not names[0] or not names[1]:
        return Tested(condition=condition, status="outside", reason="an accuracy lies outside of a curve")
    sides = [where.wanted(side, {}, condition, measured.choosing) for side in (curves.mine, recipe.models)]
    least = [[item for item in side if item.name in wanted] for side, wanted in zip(sides, names, strict=True)]
    cases = where.matched(there, [*least[0], *least[1]])
    if cases.status != "ok":
        return _without(condition, cases)
    environment = environment_of(next(iter(cases.by_name.values())))
    same = [line for line in there if environment_of(line) == environment]
    every = where.matched(same, [*sides[0], *sides[1]])
    comparison = _compared(sides, (curves.weights, recipe.weights), every, at)
    processes = min(answer(line, "throughput").processes for line in every.by_name.values())
    return Tested(
        condition=condition,
        status="ok" if comparison.asked.value is not None else "outside",
        reason="" if comparison.asked.value is not None else "an accuracy lies outside of a curve as it was measured",
        value=comparison.asked.value,
        interval=comparison.asked.speed,
        both=comparison.asked.both,
        processes=max(processes, 1),
        fault=where.fault_of(list(every.by_name.values()), known.faults),
        environment=environment,
    )


def _compared(
    sides: Sequence[Sequence[Wanted]], weights: Sequence[Sequence[str]], cases: Cases, at: Sequence[float]
) -> Comparison:
    """Both families along their curves, of the networks that have a number and an accuracy."""
    points: list[tuple[float, float, float]] = []
    counts: list[int] = []
    for side, words in zip(sides, weights, strict=True):
        before = len(points)
        for item in side:
            line, percent = cases.by_name.get(where.key_of(item)), top1(item.name, words)
            rate = None if line is None else answer(line, "throughput").value
            if line is not None and percent is not None and rate:
                points.append((1 / rate, _log_sd(line), percent))
        counts.append(len(points) - before)
    seconds, log_sd, accuracy = np.array(points, float).T
    known = Points(seconds=seconds, log_sd=log_sd, top1=accuracy, weights=np.arange(len(points)))
    return compared(known, np.arange(counts[0]), np.arange(counts[0], len(points)), at)


def _log_sd(line: Line) -> float:
    """The standard deviation of a throughput's logarithm; NaN where it is not known."""
    known = answer(line, "throughput")
    if known.log_sd is not None:
        return known.log_sd
    return math.nan if known.interval is None else math.log(known.interval[1] / known.interval[0]) / (2 * WIDTH)


def _counted(claim: Claim, known: Claims, measured: Bench) -> Row:
    """A claim of sizes: exact, of counts by a formula where there is one, else as some case has them."""
    values = [_count(claim.metric, name, measured) for name in (*claim.mine, *claim.theirs)]
    if None in values:
        names = [name for name, value in zip((*claim.mine, *claim.theirs), values, strict=True) if value is None]
        tested = Tested(condition=None, status="not run", reason=f"not run: {', '.join(names)}", missing=tuple(names))
        return Row(kernel="", recipe="", finding="not measured", tested=(tested,))
    mine, theirs = (float(value or 0.0) for value in values)
    value = theirs / mine
    tested = Tested(condition=None, status="ok", value=value, interval=(value, value))
    verdict = finding(claim.quoted, (value, value), rule=claim.rule, limits=_limits(known))
    return Row(kernel="", recipe="", finding=verdict, tested=(tested,), reached=int(_prints_as(claim.quoted, value)))


def _prints_as(quoted: float, value: float) -> bool:
    """Whether a count's ratio reaches the paper's as far as that is printed: in two digits."""
    return round(value, 1) >= round(quoted, 1)


def _count(metric: str, name: str, measured: Bench) -> float | None:
    for line in measured.lines:
        is_plain = line["options"] == "{}" and line["status"] == "ok" and metric == "parameters"
        if (
            is_plain and f"{line['model']}@{line['image_px']}" == name
        ):  # operators execute other FLOPs than the paper counts
            return answer(line, metric).value
    return measured.counts.get((metric, name))
