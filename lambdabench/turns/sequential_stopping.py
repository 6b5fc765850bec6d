"""How long two sides take turns: analysed after ever more rounds, until what was seen settles it or time is out."""

from collections.abc import Callable

from ..analysis.judge import following
from ..core.gate_protocol import Rules

LEAST_ROUNDS = 6
"""Even where there is no time for them."""


def at_interim_analyses(
    take: Callable[[], None], is_settled: Callable[[int, bool], bool], rules: Rules, has_time: Callable[[], bool]
) -> None:
    """Calls `take` for each round, and `is_settled` at each interim analysis, with its number from 1 and whether it is the last, until
    that is so."""
    analysis, due, rounds = 1, rules.first_analysis, 0
    while True:
        while rounds < due and (has_time() or rounds < LEAST_ROUNDS):
            take()
            rounds += 1
        is_over = not has_time()
        if is_settled(analysis, is_over) or is_over:
            return
        analysis, due = analysis + 1, following(due, rules)
