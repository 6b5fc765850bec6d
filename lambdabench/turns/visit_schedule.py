"""How many visits a case has, and how long each is: from the time that a case may take and the seconds of its step."""

import math
from dataclasses import dataclass, replace

from ..core.spec import Sampling
from ..core.visit_protocol import Length

LEAST_VISIT_S = 0.1
"""A shorter visit would be mostly the change from one case to another."""
COLD_S = {False: 0.04, True: 0.3}
"""Calls at a visit's start that stand apart, by whether the device lowers its clock when it idles: caches are filled within a few ms,
while a GPU's clock takes some tenths of a second to rise again."""
COLD_FREE_S = 1.0
"""A step so long is not colder by any share that counts: none of its calls stands apart."""
ROUNDING = 1e-6
LEAST_CALLS = 2
MOST_CALLS = 200
"""Of a visit: more of one stretch say nothing new about its centre and make files large."""
TAIL_S = 120.0
"""Most that the visits of a case take together for the sake of a bound, beyond what it may take anyway."""
ALLOWANCE = 1.5
"""Calls that are made for every independent one that a bound takes, since those of one visit are alike."""
STEADY = ("cpu", "fake")
"""Devices whose clock does not fall between two visits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The visits of one case: how many, and their length."""

    rounds: int
    length: Length

    @property
    def visit_s(self) -> float:
        """Seconds of one visit."""
        return self.length.cold_s + self.length.timed_s + len(self.length.loads) * self.length.load_s

    def calls(self, step_s: float) -> int:
        """Calls of all visits, those at their starts aside."""
        each = int(self.length.timed_s / step_s + ROUNDING) if step_s > 0 else 0
        return self.rounds * min(max(each, self.length.least), self.length.most)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """Seconds of a visit that are cold, and the least that it takes in all."""

    cold_s: float
    least_s: float


def schedule(sampling: Sampling, step_s: float, *, has_clocks: bool) -> Schedule:
    """The visits of a case whose step takes `step_s` seconds, within `case_budget_s` in all where that holds `min_samples` calls.
    `has_clocks`: on a device that may lower its clock in between.

    A case too slow for that has fewer visits, one a process at least; each has two calls at least, so that it says how far they are
    apart. With `tail_visits` it may take `TAIL_S`. Loads come on top, `load_budget_s` each in all visits.
    """
    made = _of_calls(sampling, step_s, has_clocks=has_clocks)
    if not sampling.loads or not made.rounds:
        return made
    load_s = sampling.load_budget_s / made.rounds
    return replace(made, length=replace(made.length, loads=sampling.loads, load_s=load_s))


def _of_calls(sampling: Sampling, step_s: float, *, has_clocks: bool) -> Schedule:
    """The visits without loads."""
    if step_s <= 0:  # nothing of it is timed
        return Schedule(rounds=0, length=length_of(0.0, 0.0))
    cold_s = 0.0 if step_s >= COLD_FREE_S else max(COLD_S[has_clocks], step_s)
    budget_s = max(sampling.case_budget_s, sampling.min_samples * step_s)
    least_s = max(cold_s + LEAST_CALLS * step_s, 2 * cold_s, LEAST_VISIT_S)  # at most half of a visit is cold
    rounds = max(sampling.processes, min(sampling.rounds, int(budget_s / least_s)))
    if sampling.tail_visits <= rounds:
        return Schedule(rounds=rounds, length=length_of(budget_s / rounds - cold_s, cold_s))
    if sampling.tail_visits * least_s > max(budget_s, TAIL_S):
        return _in_time(sampling, step_s, max(budget_s, TAIL_S), _Visit(cold_s=cold_s, least_s=least_s))
    rounds = sampling.tail_visits
    return Schedule(rounds=rounds, length=length_of(max(budget_s / rounds, least_s) - cold_s, cold_s))


def _in_time(sampling: Sampling, step_s: float, limit_s: float, visit: _Visit) -> Schedule:
    """Where there is no time for as many visits as a bound takes: fewer ones of more calls; where
    there is none for the calls either, as many calls as there is time for, in as many visits as a case has anyway."""
    cold_s, least_s = visit.cold_s, visit.least_s
    usual = max(sampling.processes, min(sampling.rounds, int(limit_s / least_s)))
    most = max(LEAST_CALLS, int((limit_s / usual - cold_s) / step_s))
    calls = ALLOWANCE * sampling.tail_visits
    spare_s = limit_s - calls * step_s
    each = most if spare_s <= 0 else min(max(LEAST_CALLS, math.ceil(calls * cold_s / spare_s)), most)
    visit_s = max(cold_s + each * step_s, least_s)
    return Schedule(rounds=max(usual, int(limit_s / visit_s)), length=length_of(visit_s - cold_s, cold_s))


def has_clocks(device: str) -> bool:
    """Whether a device may lower its clock while another case is visited."""
    return device.partition(":")[0] not in STEADY


def length_of(timed_s: float, cold_s: float) -> Length:
    """A visit's length with the bounds that hold for all."""
    return Length(timed_s=max(timed_s, 0.0), cold_s=cold_s, least=LEAST_CALLS, most=MOST_CALLS)
