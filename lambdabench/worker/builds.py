"""Several builds of both sides: what differs because of where memory lies differs from one build to the next."""

import dataclasses
from collections.abc import Callable

from ..analysis.judge import judge, over_builds, slower_p
from .turns import Compared, Player, Terms, compare

BUILDS = 3
Build = Callable[[int], tuple[Player, Player]]
"""Base and head made anew, those of before still there: freed memory would be taken again. The number says which is made first."""


def compare_builds(build: Build, terms: Terms) -> Compared:
    """Builds until one says same, or is unclear at first, or all have been tried. A fixed time is divided among them."""
    share = terms
    if terms.fixed_s is not None:
        share = dataclasses.replace(terms, fixed_s=terms.fixed_s / BUILDS)
    found: list[Compared] = []
    for number in range(BUILDS):
        found.append(compare(*build(number), dataclasses.replace(share, seed=BUILDS * terms.seed + number)))
        if terms.fixed_s is None and found[0].verdict.finding not in ("slower", "faster"):
            break
    return found[0] if len(found) == 1 else _joined(found, terms)


def _joined(found: list[Compared], terms: Terms) -> Compared:
    logs = tuple(log for one in found for log in one.logs)
    ratios = ", ".join(f"{one.verdict.ratio - 1:+.1%}" for one in found)
    fixed = terms.fixed_s is not None
    verdict = judge(logs, terms.rules) if fixed else over_builds([one.verdict for one in found])
    reason = f"it depends on where memory lies: {ratios} in {len(found)} builds" if verdict.finding == "unclear" else ""
    wall = 1.0
    for one in found:
        wall *= one.wall_ratio ** (1 / len(found))
    return dataclasses.replace(
        found[-1],
        verdict=verdict,
        reason=reason,
        wall_ratio=wall,
        rounds=len(logs),
        seconds=sum(one.seconds for one in found),
        p_value=slower_p(logs, terms.rules),
        logs=logs,
    )
