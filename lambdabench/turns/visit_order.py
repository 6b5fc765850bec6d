"""Who is visited when: every case, or both sides of one, once a round, in an order that no burst of another program can favour."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def in_turn(cases: Sequence[T], seed: int, round_: int) -> tuple[T, ...]:
    """The cases, or sides, of one round in random order, the same for the same seed and round."""
    order = list(cases)
    random.Random(f"{seed}/{round_}").shuffle(order)
    return tuple(order)


def shares(rounds: int, generations: int) -> tuple[int, ...]:
    """How many of its rounds each generation of processes has: as equal as can be, the earlier ones the more; at least one each
    as long as rounds are there."""
    whole, more = divmod(rounds, generations)
    return tuple(count for count in (whole + (number < more) for number in range(generations)) if count)
