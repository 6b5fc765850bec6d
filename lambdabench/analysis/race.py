"""Finding the front of speed and accuracy by measuring few networks: which one is next, and when to stop.

A few along the front that published tables foretell, then those that are least known, then those that are most probably on the front for
the seconds they take. It ends where hardly anything is expected among the rest, and says how much that is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .front_membership import membership
from .speed_model import Networks, Process
from .visits import Floats

IN_QUESTION = (0.02, 0.98)
"""Probabilities of being on the front between which a network is measured again."""
MOST_PROCESSES = 5
"""In which a network is measured: of replays up to ten cost 7 to 8 % more and named no more front members rightly."""
PROCESS_SD = 0.03
"""Of the logarithm between two processes of equal code, until a run tells its own (analysis/stored_runs.py)."""
ABREAST = 4
"""Networks that a run opens and visits together, beside the reference: what a round has in common cancels, and replays measure hardly more
than one at a time (reports/race/index.md)."""
EIGHTH = 8
"""The first networks are no more than an eighth of all, and so are those after them: small fields are not measured whole by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a race goes. Chosen among seven variants by replays on published tables that left one out."""

    front: int = 8
    """Networks evenly along the foretold front, which are first."""
    unknown: int = 16
    """Those that are least known among the half that is likeliest on the front, which follow."""
    missing: float = 0.05
    """Share of the front that may be expected among the rest when it ends."""
    calm: int = 3
    """So many networks in a row must leave it so."""


class Race:
    """A race over networks with accuracies `top1` [percent]. `least`: the logarithm of a speed below which nothing matters."""

    def __init__(self, of: Networks, top1: Floats, *, least: float = -np.inf, rules: Rules = Rules()) -> None:
        self._of, self._top1, self._least = of, np.asarray(top1, dtype=float), least
        self._process, count = Process(of), len(top1)
        self._first = min(rules.front, -(-count // EIGHTH))
        self._unknown = min(rules.unknown, -(-count // EIGHTH))
        self._rules, self._calm = rules, 0
        foretold = np.flatnonzero(on_front(of.mean, self._top1))
        self._starters = _evenly(foretold[np.argsort(of.mean[foretold], kind="stable")], self._first)
        self.speeds: dict[int, float] = {}
        """Logarithms of what was measured."""
        self.failed: set[int] = set()
        """What was tried and has no speed."""
        self._foreseen = self._process.foresee({})

    def see(self, speeds: Mapping[int, float], failed: Collection[int] = ()) -> None:
        """Takes in logarithms of speeds, of those too that were known less well, and networks that cannot be measured. What is taken in
        first, if more than begins a race, is an earlier one's: it left the rest as it is."""
        new, earlier = [place for place in speeds if place not in self.speeds], not self.speeds
        for place in new:
            self._process.take(place)
        self.speeds |= speeds
        self.failed |= set(failed)
        self._foreseen = self._process.foresee(self.speeds)
        if not new and self._calm:
            return
        if self._is_opening() or self.expected() >= self._rules.missing * max(1, len(self.front())):
            self._calm = 0
        else:
            self._calm = self._calm + len(new) if self._calm or earlier else min(1, len(new))

    def chances(self) -> Floats:
        """The probability of each that it is faster than all that are measured with at least its accuracy, and than `least`; 0 of what is
        measured."""
        limits = np.maximum(fastest(self._top1, self.speeds), self._least)
        chances = self._foreseen.above(limits)
        chances[[*self.speeds, *self.failed]] = 0.0
        return chances

    def expected(self) -> float:
        """How many members of the front are still to be found."""
        return float(self.chances().sum())

    def foreseen(self) -> Floats:
        """The middle of the logarithm of each speed."""
        return self._foreseen.middle

    def front(self) -> list[int]:
        """The networks on the front of what was measured, and not slower than `least`; the fastest first."""
        measured = [place for place, speed in self.speeds.items() if speed >= self._least]
        speeds = np.array([self.speeds[place] for place in measured])
        members = [measured[place] for place in np.flatnonzero(on_front(speeds, self._top1[measured]))]
        return sorted(members, key=lambda place: -self.speeds[place])

    def is_over(self) -> bool:
        """Whether nothing more is worth measuring."""
        return self._calm >= self._rules.calm or not self._left()

    def choose(self, count: int = 1, seconds: Floats | None = None) -> list[int]:
        """The next networks, at most so many; of `seconds` what each takes, all alike without."""
        if starters := [place for place in self._starters if place not in self.speeds and place not in self.failed]:
            return starters[:count]
        chances = self.chances()
        if self._is_opening():
            left = self._left()
            half = sorted(left, key=lambda place: -chances[place])[: -(-len(left) // 2)]
            begun = self._first + self._unknown - len(self.speeds) - len(self.failed)
            return self._process.widest(half, min(count, begun))
        worth = chances if seconds is None else chances / seconds
        order = np.argsort(-worth, kind="stable")
        known = {*self.speeds, *self.failed}
        return [int(place) for place in order if place not in known][:count]

    def _is_opening(self) -> bool:
        """Whether the first networks, which no probability chooses, are not all there."""
        return len(self.speeds) + len(self.failed) < self._first + self._unknown

    def _left(self) -> list[int]:
        return [place for place in range(len(self._top1)) if place not in self.speeds and place not in self.failed]


def on_front(speeds: Floats, top1: Floats) -> NDArray[np.bool_]:
    """Those than which none is as fast and as accurate, and better in one; equals are on it together."""
    members = np.zeros(len(speeds), dtype=bool)
    best, fast = -np.inf, np.nan
    for place in np.lexsort((-top1, -speeds)):
        if top1[place] > best or (top1[place] == best and speeds[place] == fast):
            members[place] = True
            best, fast = top1[place], speeds[place]
    return members


def fastest(top1: Floats, speeds: Mapping[int, float]) -> Floats:
    """Of each network the logarithm of the fastest speed that is known with at least its accuracy; -inf where there is none."""
    if not speeds:
        return np.full(len(top1), -np.inf)
    places = np.array(list(speeds), dtype=np.int64)
    order = np.argsort(-top1[places], kind="stable")
    best = np.maximum.accumulate(np.array([speeds[int(place)] for place in places[order]]))
    above = np.searchsorted(-top1[places][order], -top1, side="right")
    return np.concatenate(([-np.inf], best))[above]


def in_question(
    log_speeds: Floats, log_sd: Floats, top1: Floats, groups: NDArray[np.int64], processes: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Which of those measured, in so many `processes`, are neither surely on the front nor surely off it, and may be measured again."""
    shares = membership(log_speeds, log_sd, top1, groups)
    return (shares > IN_QUESTION[0]) & (shares < IN_QUESTION[1]) & (processes < MOST_PROCESSES)


def _evenly(places: NDArray[np.int64], count: int) -> list[int]:
    """So many of these, in order, from the first to the last."""
    if not len(places):
        return []
    picks = np.unique(np.round(np.linspace(0, len(places) - 1, count)).astype(int))
    return [int(places[pick]) for pick in picks]
