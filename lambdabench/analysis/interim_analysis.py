"""Stopping early is paid for: what confidence each interim analysis needs, so that whoever stops at any is right as often as said."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from .visits import Floats

ALPHA = 0.05
NODES = 2001
"""Of the grid on which the error that is left is followed; the confidences are right to four digits."""
WIDEST = 8.0
"""Standard deviations that the grid reaches."""


def confidences(shares: Sequence[float], alpha: float = ALPHA) -> tuple[float, ...]:
    """The confidence of the interval at each analysis; `shares` are the shares of all that is planned, rising to 1 at most.

    Until a share t has been seen alpha t of the error is spent (Lan and DeMets, Biometrika 70, 1983; this spending: Kim and DeMets,
    Biometrika 74, 1987), whatever analyses were made or skipped before, and whatever makes somebody stop: a width or the
    estimate itself.
    The error of an analysis is what the earlier ones have not made already (Armitage, McPherson and Rowe, Journal of the Royal Statistical
    Society A 132, 1969). Raises ValueError for shares that do not rise.
    """
    if not shares or list(shares) != sorted(set(shares)) or shares[0] <= 0 or shares[-1] > 1:
        raise ValueError(f"found shares {list(shares)}, expected numbers that rise within (0, 1]")
    grid = np.linspace(-WIDEST, WIDEST, NODES)
    step, before, spent = grid[1] - grid[0], 0.0, 0.0
    inside = np.zeros(NODES)
    values: list[float] = []
    for share in shares:
        density = _moved(inside, grid, before, share)
        limit = _limit(density, grid, alpha * share - spent)
        values.append(2 * NormalDist().cdf(limit / math.sqrt(share)) - 1)
        inside = np.where(np.abs(grid) < limit, density, 0.0)
        before, spent = share, max(spent, 1 - float(inside.sum() * step))
    return tuple(values)


def _moved(inside: Floats, grid: Floats, before: float, share: float) -> Floats:
    """The density of Brownian motion at time `share` of paths that stopped nowhere until `before`."""
    sd = math.sqrt(share - before)
    kernel = np.exp(-0.5 * (grid / sd) ** 2) / (sd * math.sqrt(2 * math.pi))
    if before == 0:
        return kernel
    return np.convolve(inside, kernel, mode="same") * (grid[1] - grid[0])


def _limit(density: Floats, grid: Floats, error: float) -> float:
    """The distance from 0 beyond which `error` of the density lies, both sides together."""
    middle = len(grid) // 2
    tail = 2 * np.cumsum(density[:middle:-1])[::-1] * (grid[1] - grid[0])
    return float(np.interp(-error, -tail, grid[middle + 1 :] - (grid[1] - grid[0]) / 2))
