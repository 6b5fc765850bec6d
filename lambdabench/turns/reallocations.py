"""Several builds of both sides in one process: what differs because of where memory lies differs from one build to the next."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from statistics import mean

from ..analysis.gate_rule import BUILDS, alone, spread, wants_build
from ..core.gate_protocol import Build, Compared, Rules, Terms

Measure = Callable[[int, Terms], Compared | None]
"""Makes base and head anew, those of before still there, since freed memory would be taken again, and compares them. The number says
which is made first; None where they cannot be made again."""


def compare_builds(measure: Measure, terms: Terms, most: int = BUILDS) -> Compared:
    """Builds until the rule wants no more. A fixed time is divided among as many as there may be."""
    share = terms if terms.fixed_s is None else dataclasses.replace(terms, fixed_s=terms.fixed_s / most)
    found: list[Compared] = []
    while len(found) < most and _goes_on([build for one in found for build in one.builds], terms):
        one = measure(len(found), dataclasses.replace(share, seed=BUILDS * terms.seed + len(found)))
        if one is None:
            break
        found.append(one)
    return joined(found, terms.rules)


def _goes_on(builds: Sequence[Build], terms: Terms) -> bool:
    return terms.fixed_s is not None or wants_build(builds, terms.rules)


def joined(found: Sequence[Compared], rules: Rules) -> Compared:
    """One process's builds as one comparison, with the verdict that they have together."""
    if len(found) == 1:
        return found[0]
    builds = tuple(build for one in found for build in one.builds)
    verdict = alone(builds, rules)
    return dataclasses.replace(
        found[-1],
        verdict=verdict,
        reason=spread([builds]) if verdict.finding == "unclear" else "",
        wall_ratio=math.exp(mean(math.log(one.wall_ratio) for one in found)),
        rounds=sum(one.rounds for one in found),
        seconds=sum(one.seconds for one in found),
        builds=builds,
    )
