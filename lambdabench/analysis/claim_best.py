"""Best against best: each side under the condition that is fastest for it, chosen in one process and told from the others.

Who chooses the fastest of several and tells the time that it was chosen by tells too short a one.
"""

from collections.abc import Mapping, Sequence

from ..facts.claims import Claim, Setting
from . import claim_conditions as where
from .claim_bench import Bench, Tested, environment_of, of_two, place_of
from .claim_conditions import BEST, Condition, Line, Machine
from .visit_tables import against

FEWEST = 2
"""Conditions from which a best one can be chosen."""


def best_of_each(claim: Claim, tested: Sequence[Tested], measured: Bench, machine: Machine) -> Tested:
    """The ratio of both sides at their best, of the conditions `tested` of one kernel that are in the headline's dtype, batch and
    environment, and that have a ratio."""
    headline = tested[0]
    assert headline.condition is not None
    condition = _condition(headline.condition)
    usable = [item.condition for item in tested if item.condition and item.is_usable and _is_like(item, headline)]
    if len(usable) < FEWEST:
        return Tested(condition=condition, status="not run", reason=f"under {FEWEST} conditions to choose from")
    sides = [
        [_line(claim, place, item, (measured, machine, headline.environment)) for item in usable] for place in (0, 1)
    ]
    top, bottom = (max(side, key=lambda line: _rate(line, measured.first_rates)) for side in sides)
    pair = against(measured.later_visits.get(place_of(top), ()), str(top["case_id"]), str(bottom["case_id"]))
    if pair is None:
        whole = of_two(top, bottom, measured)
        return Tested(
            condition=condition,
            status="ok",
            reason="no process is left to tell it from: no interval",
            value=None if whole is None else whole.value,
            environment=headline.environment,
        )
    return Tested(
        condition=condition,
        status="ok",
        value=pair.value,
        interval=(pair.low, pair.high),
        processes=pair.processes,
        environment=headline.environment,
    )


def _condition(headline: Condition) -> Condition:
    setting = Setting(backend=BEST, dtype=headline.setting.dtype, batch_size=headline.setting.batch_size)
    return Condition(setting=setting, device=headline.device, mode=headline.mode, kernel=headline.kernel)


def _is_like(item: Tested, headline: Tested) -> bool:
    assert item.condition is not None
    assert headline.condition is not None
    mine, other = item.condition.setting, headline.condition.setting
    return (mine.dtype, mine.batch_size) == (other.dtype, other.batch_size) and item.environment == headline.environment


def _line(claim: Claim, place: int, condition: Condition, there: tuple[Bench, Machine, tuple[str, ...]]) -> Line:
    """The case of one side, mine first, under a condition."""
    measured, machine, environment = there
    names, options = ((claim.mine, claim.mine_options), (claim.theirs, claim.theirs_options))[place]
    wanted = where.wanted(names, options, condition, measured.choosing)
    same = [line for line in where.under(measured.lines, condition, machine) if environment_of(line) == environment]
    return where.matched(same, wanted).by_name[where.key_of(wanted[0])]


def _rate(line: Line, first_rates: Mapping[tuple[str, str], float]) -> float:
    return first_rates.get((str(line["fingerprint"]), str(line["case_id"])), 0.0)
