"""How many visits a case has, and how long each is: from the time that a case may take and the seconds of its step."""

from dataclasses import dataclass

from ..core.spec import Sampling
from ..core.visits import Length

LEAST_VISIT_S = 0.1
"""A shorter visit would be mostly the change from one case to another."""
COLD_S = {False: 0.04, True: 0.3}
"""Calls at a visit's start that stand apart, by whether the device lowers its clock when it idles: caches are filled within a few ms,
while a GPU's clock takes some tenths of a second to rise again."""
COLD_FREE_S = 1.0
"""A step so long is not colder by any share that counts: none of its calls stands apart."""
LEAST_CALLS = 2
MOST_CALLS = 200
"""Of a visit: more of one stretch say nothing new about its centre and make files large."""
STEADY = ("cpu", "fake")
"""Devices whose clock does not fall between two visits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The visits of one case: how many, and their length."""

    rounds: int
    length: Length


def schedule(sampling: Sampling, step_s: float, *, has_clocks: bool) -> Schedule:
    """The visits of a case whose step takes `step_s` seconds, within `case_budget_s` in all where that holds `min_samples` calls.
    `has_clocks`: on a device that may lower its clock in between.

    A case too slow for that has fewer visits, one a process at least; each has two calls at least, so that it says how far they are apart.
    """
    if step_s <= 0:  # nothing of it is timed
        return Schedule(rounds=0, length=length_of(0.0, 0.0))
    cold_s = 0.0 if step_s >= COLD_FREE_S else max(COLD_S[has_clocks], step_s)
    budget_s = max(sampling.case_budget_s, sampling.min_samples * step_s)
    least_s = max(cold_s + LEAST_CALLS * step_s, 2 * cold_s, LEAST_VISIT_S)  # at most half of a visit is cold
    rounds = max(sampling.processes, min(sampling.rounds, int(budget_s / least_s)))
    return Schedule(rounds=rounds, length=length_of(budget_s / rounds - cold_s, cold_s))


def has_clocks(device: str) -> bool:
    """Whether a device may lower its clock while another case is visited."""
    return device.partition(":")[0] not in STEADY


def length_of(timed_s: float, cold_s: float) -> Length:
    """A visit's length with the bounds that hold for all."""
    return Length(timed_s=max(timed_s, 0.0), cold_s=cold_s, least=LEAST_CALLS, most=MOST_CALLS)
