"""Which model to take: the best that meets every limit, what cannot be told from it, what was ruled out and why, what would change it.

A candidate is a network as it ran, program and machine included, with what is known of it: latency at its smallest batch, throughput and
memory at its largest. A limit is surely met where the interval's bad end meets it, and likely where the value does; what is unknown
meets none. Top-1 counts by its value. Only candidates with a number of what is asked are picked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from ..core import fields
from ..core.metric import metric
from .answers import Answer, answer, lines, text
from .pareto import asked_batch

Objective = Literal["latency", "throughput", "accuracy"]
Fit = Literal["sure", "likely", "no"]
OF: Mapping[Objective, str] = {"latency": "latency", "throughput": "throughput", "accuracy": "top1"}
"""The metric of each objective."""
AT_SMALLEST = ("latency",)
"""Read at a network's smallest batch, all others at its largest."""
READ = ("top1", "latency", "throughput", "peak_memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A limit on a metric: at most `value` where less is better, else at least; in the metric's stored unit."""

    flag: str
    """"--max-latency"."""
    metric: str
    value: float

    def fit(self, known: Answer) -> Fit:
        """Whether an answer meets it: surely by the bad end of its interval or of its processes, likely by its value, of which nothing
        more may be known; an unknown one does not. Top-1 counts by its value: its error is that of the images, and no machine's."""
        if known.value is None:
            return "no"
        sign = metric(self.metric).sign
        meets = [sign * end >= sign * self.value for end in (known.value, *(known.bounds or ()))]
        is_sure = self.metric == "top1" or (known.bounds is not None and all(meets))
        return "no" if not meets[0] else "sure" if is_sure else "likely"

    def miss(self, known: Answer) -> float | None:
        """The factor by which an answer misses it, above 1; None where nothing is known."""
        if known.value is None or not known.value or not self.value:
            return None
        return known.value / self.value if metric(self.metric).sign < 0 else self.value / known.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A limit on what is written of weights: their licence, or the data they saw. `allowed`: texts that meet it."""

    flag: str
    column: str
    allowed: frozenset[str]

    def fit(self, text: str) -> Fit:
        """Whether a text meets it; what is unknown does not."""
        return "sure" if text in self.allowed else "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A network as it ran: the line of its largest batch, and what is known of it."""

    line: Mapping[str, Any]
    known: Mapping[str, Answer]
    batches: tuple[int, int]
    """The smallest, the largest."""
    ids: Mapping[str, str] = field(default_factory=dict[str, str])
    """The `identity` of the case that each metric is of."""

    @property
    def name(self) -> str:
        """The model with the tag of its weights."""
        tag = text(self.line, "top1_tag")
        return f"{self.line['model']}.{tag}" if tag else str(self.line["model"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """What one limit rules out: how many, how many of these for want of knowledge, and the one that comes nearest."""

    flag: str
    count: int
    unknown: int
    nearest: Candidate | None
    miss: float | None
    """The factor by which it misses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A better candidate that one limit alone keeps out, and the value of the limit that would let it in."""

    flag: str
    metric: str
    value: float
    candidate: Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """The feasible candidates on the front of accuracy and the objective's speed, the pick first."""

    objective: Objective
    picks: tuple[Candidate, ...]
    fits: tuple[Fit, ...]
    """Of each pick the least sure of its limits."""
    feasible: tuple[Candidate, ...]
    ruled_out: tuple[Ruled, ...]
    changes: tuple[Change, ...]
    candidates: int


def candidates(cases: pd.DataFrame, batch_size: int | None = None) -> tuple[Candidate, ...]:
    """The networks of a table of answers that have a number, one for each program, machine, size and weights; of a batch size where one
    is asked for, else latency at each one's smallest batch and the rest at its largest."""
    usable = _newest(cases[cases["status"] == "ok"])
    usable = usable.assign(asked=asked_batch(usable)) if len(usable) else usable.assign(asked=[])
    if batch_size is not None:
        usable = usable[usable["asked"] == batch_size]
    keys = [name for name in _keys() if name in usable]
    result: list[Candidate] = []
    for _, same in usable.groupby(keys, sort=False, dropna=False):
        ordered = lines(same.sort_values("asked", kind="stable"))
        small, large = ordered[0], ordered[-1]
        read = {name: small if name in AT_SMALLEST else large for name in READ}
        known = {name: answer(line, name) for name, line in read.items()}
        ids = {name: identity(line) for name, line in read.items()}
        result.append(Candidate(line=large, known=known, batches=(int(small["asked"]), int(large["asked"])), ids=ids))
    return tuple(result)


def identity(line: Mapping[str, Any]) -> str:
    """What tells a case on one machine from all others."""
    return f"{text(line, 'case_id')} {text(line, 'fingerprint')}"


def of_one_test(cases: pd.DataFrame) -> pd.DataFrame:
    """The cases whose accuracies can be held against each other: those of ImageNet-1k's images, where there are any, and else all."""
    other = cases.get("top1_on", pd.Series("", cases.index)).fillna("") != ""
    return cases if other.all() else cases[~other]


def _newest(cases: pd.DataFrame) -> pd.DataFrame:
    """The cases without those that stand behind a newer one of another environment of the same machine."""
    if not {"case_id", "device_name", "fingerprint", "started_at"} <= {*cases.columns}:
        return cases
    ordered = cases.sort_values("started_at", kind="stable")
    last = ordered.groupby(["case_id", "device_name"], sort=False)["fingerprint"].transform("last")
    return cases[(ordered["fingerprint"] == last).reindex(cases.index)]


def _keys() -> list[str]:
    """What makes a candidate another one."""
    return [
        "model",
        "image_px",
        "top1_tag",
        "options",
        *(item.name for item in fields.SETTINGS if item.name != "suite"),
    ]


def recommend(
    known: Sequence[Candidate], bounds: Sequence[Bound], words: Sequence[Word], objective: Objective
) -> Recommendation:
    """The best of some candidates under limits, of each network the most accurate of the weights whose words are allowed. Deterministic;
    nothing is picked where nothing is feasible."""
    known = _of_one_weight(known, words)
    fits = {place: _fits(candidate, bounds, words) for place, candidate in enumerate(known)}
    feasible = [candidate for place, candidate in enumerate(known) if all(fit != "no" for fit in fits[place].values())]
    feasible = [candidate for candidate in feasible if candidate.known[OF[objective]].value is not None]
    ranked = sorted(feasible, key=lambda candidate: _order(candidate, objective))
    picks = _front(ranked, objective)
    return Recommendation(
        objective=objective,
        picks=tuple(picks),
        fits=tuple(_least(_fits(pick, bounds, words).values()) for pick in picks),
        feasible=tuple(ranked),
        ruled_out=tuple(_ruled(known, fits, limit) for limit in (*bounds, *words)),
        changes=tuple(_changes(known, fits, bounds, (objective, ranked[0] if ranked else None))),
        candidates=len(known),
    )


def _of_one_weight(known: Sequence[Candidate], words: Sequence[Word]) -> list[Candidate]:
    """Of each network that ran the most accurate weights among those that every word allows, else among all."""
    groups: dict[tuple[str, ...], list[Candidate]] = {}
    for candidate in known:
        key = tuple(str(candidate.line.get(name)) for name in _keys() if name != "top1_tag")
        groups.setdefault(key, []).append(candidate)

    def rank(item: Candidate) -> tuple[bool, float, str]:
        allowed = all(word.fit(text(item.line, word.column)) != "no" for word in words)
        return (not allowed, _better(item, "accuracy"), item.name)

    return [min(group, key=rank) for group in groups.values()]


def default_objective(bounds: Sequence[Bound]) -> Objective:
    """What is wanted where nobody says it: of limits on cost alone the most accurate; else the fastest, in the measure that is limited."""
    limited = {bound.metric for bound in bounds}
    if limited and "top1" not in limited:
        return "accuracy"
    return "latency" if "latency" in limited else "throughput"


def _fits(candidate: Candidate, bounds: Sequence[Bound], words: Sequence[Word]) -> dict[str, Fit]:
    fits: dict[str, Fit] = {bound.flag: bound.fit(candidate.known[bound.metric]) for bound in bounds}
    for word in words:
        fits[word.flag] = word.fit(text(candidate.line, word.column))
    return fits


def _least(fits: Any) -> Fit:
    return "likely" if "likely" in list(fits) else "sure"


def _order(candidate: Candidate, objective: Objective) -> tuple[float, float, str]:
    """The best first: by the objective, then by the other of speed and accuracy."""
    other = "throughput" if objective == "accuracy" else "accuracy"
    return (_better(candidate, objective), _better(candidate, other), candidate.name)


def _better(candidate: Candidate, objective: Objective) -> float:
    """Less is better; infinite where it is not known."""
    value = candidate.known[OF[objective]].value
    return float("inf") if value is None else -metric(OF[objective]).sign * value


def _front(ranked: Sequence[Candidate], objective: Objective) -> list[Candidate]:
    """Those that no better-ranked one beats in the other measure too."""
    other: Objective = _speed(ranked) if objective == "accuracy" else "accuracy"
    picks: list[Candidate] = []
    best = float("inf")
    for candidate in ranked:
        value = _better(candidate, other)
        if not picks or value < best:
            picks.append(candidate)
        best = min(best, value)
    return picks


def _speed(ranked: Sequence[Candidate]) -> Objective:
    """The measure of speed that candidates have."""
    return "latency" if any(candidate.known["latency"].value is not None for candidate in ranked) else "throughput"


def _ruled(known: Sequence[Candidate], fits: Mapping[int, Mapping[str, Fit]], limit: Bound | Word) -> Ruled:
    out = [candidate for place, candidate in enumerate(known) if fits[place][limit.flag] == "no"]
    if isinstance(limit, Word):
        unknown = sum(not text(candidate.line, limit.column) for candidate in out)
        return Ruled(flag=limit.flag, count=len(out), unknown=unknown, nearest=None, miss=None)
    missed = [(miss, candidate) for candidate in out if (miss := limit.miss(candidate.known[limit.metric])) is not None]
    miss, nearest = min(missed, key=lambda pair: (pair[0], pair[1].name)) if missed else (None, None)
    unknown = sum(candidate.known[limit.metric].value is None for candidate in out)
    return Ruled(flag=limit.flag, count=len(out), unknown=unknown, nearest=nearest, miss=miss)


def _changes(
    known: Sequence[Candidate],
    fits: Mapping[int, Mapping[str, Fit]],
    bounds: Sequence[Bound],
    against: tuple[Objective, Candidate | None],
) -> list[Change]:
    """Of each limit the candidate nearest to it that it alone keeps out and that is better than the pick."""
    objective, pick = against
    changes: list[Change] = []
    for bound in bounds:
        alone = [
            candidate
            for place, candidate in enumerate(known)
            if fits[place][bound.flag] == "no"
            and all(fit != "no" for flag, fit in fits[place].items() if flag != bound.flag)
            and candidate.known[bound.metric].value is not None
            and (pick is None or _better(candidate, objective) < _better(pick, objective))
        ]
        if alone:
            nearest = min(
                alone, key=lambda candidate: (bound.miss(candidate.known[bound.metric]) or float("inf"), candidate.name)
            )
            value = nearest.known[bound.metric].value
            assert value is not None
            changes.append(Change(flag=bound.flag, metric=bound.metric, value=value, candidate=nearest))
    return changes
