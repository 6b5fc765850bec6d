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
    compareds: list[Compared] = []
    while len(compareds) < most and _goes_on([build for compared in compareds for build in compared.builds], terms):
        item = measure(len(compareds), dataclasses.replace(share, seed=BUILDS * terms.seed + len(compareds)))
        if item is None:
            break
        compareds.append(item)
    return joined(compareds, terms.rules)


def _goes_on(builds: Sequence[Build], terms: Terms) -> bool:
    return terms.fixed_s is not None or wants_build(builds, terms.rules)


def joined(compareds: Sequence[Compared], rules: Rules) -> Compared:
    """One process's builds as one comparison, with the verdict that they have together."""
    if len(compareds) == 1:
        return compareds[0]
    builds = tuple(build for compared in compareds for build in compared.builds)
    verdict = alone(builds, rules)
    return dataclasses.replace(
        compareds[-1],
        verdict=verdict,
        reason=spread([builds]) if verdict.finding == "unclear" else "",
        wall_ratio=math.exp(mean(math.log(compared.wall_ratio) for compared in compareds)),
        rounds=sum(compared.rounds for compared in compareds),
        seconds=sum(compared.seconds for compared in compareds),
        builds=builds,
    )
