"""Rounds are looked at after ever more of them, and never taken beyond their time but for the least."""

from lambdabench.core.gate_protocol import Rules
from lambdabench.turns.sequential_stopping import LEAST_ROUNDS, at_interim_analyses

RULES = Rules(first_analysis=10, growth=2.0)


def seen(until: int, most: int) -> tuple[int, list[tuple[int, int, bool]]]:
    """(Rounds taken, (analysis, rounds, whether it was the last) of each) where analysis `until` settles and time is for `most` rounds."""
    taken: list[int] = []
    analyses: list[tuple[int, int, bool]] = []

    def is_settled(analysis: int, is_over: bool) -> bool:
        analyses.append((analysis, len(taken), is_over))
        return analysis == until

    at_interim_analyses(lambda: taken.append(0), is_settled, RULES, lambda: len(taken) < most)
    return len(taken), analyses


def test_it_ends_where_a_look_settles_it() -> None:
    assert seen(3, 1000) == (40, [(1, 10, False), (2, 20, False), (3, 40, False)])


def test_it_ends_with_a_look_where_time_is_over() -> None:
    assert seen(9, 25) == (25, [(1, 10, False), (2, 20, False), (3, 25, True)])
    assert seen(9, 0) == (LEAST_ROUNDS, [(1, LEAST_ROUNDS, True)])
