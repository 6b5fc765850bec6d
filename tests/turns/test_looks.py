"""Rounds are looked at after ever more of them, and never taken beyond their time but for the least."""

from lambdabench.core.pairing import Rules
from lambdabench.turns.looks import LEAST_ROUNDS, in_looks

RULES = Rules(first_look=10, growth=2.0)


def seen(until: int, most: int) -> tuple[int, list[tuple[int, int, bool]]]:
    """(Rounds taken, (look, rounds, whether it was the last) of each) where look `until` settles and time is for `most` rounds."""
    taken: list[int] = []
    looks: list[tuple[int, int, bool]] = []

    def is_settled(look: int, is_over: bool) -> bool:
        looks.append((look, len(taken), is_over))
        return look == until

    in_looks(lambda: taken.append(0), is_settled, RULES, lambda: len(taken) < most)
    return len(taken), looks


def test_it_ends_where_a_look_settles_it() -> None:
    assert seen(3, 1000) == (40, [(1, 10, False), (2, 20, False), (3, 40, False)])


def test_it_ends_with_a_look_where_time_is_over() -> None:
    assert seen(9, 25) == (25, [(1, 10, False), (2, 20, False), (3, 25, True)])
    assert seen(9, 0) == (LEAST_ROUNDS, [(1, LEAST_ROUNDS, True)])
