"""The fixed piece of work beside which cases are timed when there is no base: a product of matrices and a pass over memory."""

from collections.abc import Callable

import numpy as np


def anchor() -> Callable[[int], None]:
    """Makes so many rounds of it, a millisecond or so each. Never edited: stored ratios would lose their meaning."""
    source = np.random.default_rng(0)
    left = source.standard_normal((192, 256), dtype=np.float32)
    right = source.standard_normal((256, 256), dtype=np.float32)
    wide = np.ones(500_000, np.float32)
    out = np.empty_like(wide)

    def play(calls: int) -> None:
        for _ in range(calls):
            np.add(wide, wide, out=out)
            for _ in range(4):
                np.matmul(left, right)

    return play
