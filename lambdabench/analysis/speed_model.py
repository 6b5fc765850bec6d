"""How fast networks will be here, from published speeds on other devices and from those that were measured already.

The logarithm of a network's speed is its mean over published tables, plus what this device is faster than these as a whole, plus a
Gaussian process over networks: devices differ along directions in the space of tables, and alike networks differ alike. Predictions are
Student's t, since a prior that does not carry over has long tails. Nothing is random.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from .visits import Floats

LEVEL_SD = 0.34
LINEAR_SD = 0.28
"""Of a slope over what a table says beside the others: a device is a direction in the space of tables."""
SHAPE_SD = 0.52
"""Of a smooth function of speed and counts."""
LENGTH = 1.31
"""Over which that function changes, in standard deviations of what it is of."""
FAMILY_SD = 0.125
SIZES_SD = 0.087
"""What an architecture has at all of its image sizes."""
OWN_SD = 0.050
"""What a network has by itself. These seven maximise the marginal likelihood over four of timm's benchmark tables (facts/speeds.csv), each
told by the three others for 150 random networks, with a weak normal prior on their logarithms."""
FREEDOM = 4.0
"""Of Student's t. With a normal one replays on published tables missed front members, with 4 degrees of freedom none
(reports/race/index.md)."""
LEAST_SCALE = 0.5
"""Of the variance: a device that is told better than this by its first networks may yet not be by others."""
PREFIXES = re.compile(r"^(tf|gc|legacy|test)_")
STEM = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """Networks as the process sees them, [network, ...]."""

    mean: Floats
    """Over tables: the logarithm of speed beside a table's median."""
    linear: Floats
    """[network, table]: what each table says beside the mean, centred."""
    shape: Floats
    """[network, figure]: mean, tables and counts, standardised."""
    family: NDArray[np.int64]
    architecture: NDArray[np.int64]

    def of(self, places: Sequence[int]) -> "Networks":
        """Some of them."""
        rows = list(places)
        return Networks(
            mean=self.mean[rows],
            linear=self.linear[rows],
            shape=self.shape[rows],
            family=self.family[rows],
            architecture=self.architecture[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """Of each network the middle and the scale of the logarithm of its speed here, Student's t with `FREEDOM`."""

    middle: Floats
    scale: Floats

    def above(self, limits: Floats) -> Floats:
        """The probability that each is faster than its limit; 1 above -inf."""
        return np.asarray(special.stdtr(FREEDOM, (self.middle - limits) / self.scale))


def networks(architectures: Sequence[str], counts: Floats, log_speeds: Floats) -> Networks:
    """Of `counts` [network, 4]: parameters, MACs, activations, pixels a side; NaN where one is not known. `log_speeds` [network, table]:
    natural logarithms, NaN where a table has it not. What no table has gets its mean from its counts, as they tell that of the others."""
    logs = _filled(np.log(np.maximum(counts, 1e-6)))
    apart = log_speeds - np.nanmedian(log_speeds, axis=0)
    seen = np.isfinite(apart)
    count = seen.sum(axis=1)
    mean = np.where(count > 0, np.where(seen, apart, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
    mean = _told(mean, logs)
    linear = np.where(seen, apart - mean[:, None], 0.0)
    linear = linear - linear.mean(axis=0)
    shape = _standard(np.column_stack([mean, linear, logs]))
    return Networks(
        mean=mean,
        linear=linear,
        shape=shape,
        family=_numbers([family_of(name) for name in architectures]),
        architecture=_numbers(architectures),
    )


def family_of(architecture: str) -> str:
    """The first letters of a name, those aside that say whose it is: "resnet" of resnet50d, "efficientnet" of tf_efficientnet_b0."""
    stem = STEM.match(PREFIXES.sub("", architecture))
    return stem[0] if stem else architecture


class Process:
    """What is known of all networks given the speeds of some; those are taken in one by one, which costs their number times all."""

    def __init__(self, of: Networks) -> None:
        self._of, count = of, len(of.mean)
        self.places: list[int] = []
        """Of the networks taken in, in order."""
        self._factor, self._cross = np.zeros((count, count)), np.zeros((count, count))
        reach = np.einsum("nt,nt->n", of.linear, of.linear)
        same = SHAPE_SD**2 + FAMILY_SD**2 + SIZES_SD**2 + OWN_SD**2
        self._variance = LEVEL_SD**2 + LINEAR_SD**2 * reach + same

    def take(self, place: int) -> None:
        """Takes in where another speed is known. Raises ValueError for one that is known already."""
        if place in self.places:
            raise ValueError(f"network {place} is known already")
        count, row = len(self.places), self._covariance(place)
        own = self._cross[:count, place].copy()
        root = float(np.sqrt(row[place] + OWN_SD**2 - own @ own))
        self._factor[count, :count], self._factor[count, count] = own, root
        self._cross[count] = (row - own @ self._cross[:count]) / root
        self._variance = np.maximum(self._variance - self._cross[count] ** 2, OWN_SD**2 / 2)
        self.places.append(place)

    def foresee(self, log_speeds: Mapping[int, float]) -> Foreseen:
        """All networks, given those of every place that was taken in."""
        count, rows = len(self.places), self.places
        rest = np.array([log_speeds[place] for place in rows]) - self._of.mean[rows]
        level = float(np.median(rest)) if count else 0.0
        away = np.zeros(0)
        if count:
            away = np.asarray(linalg.solve_triangular(self._factor[:count, :count], rest - level, lower=True))
        scale = max(LEAST_SCALE, (FREEDOM + float(away @ away)) / (FREEDOM + count))
        middle = self._of.mean + level + away @ self._cross[:count]
        return Foreseen(middle=middle, scale=np.sqrt(scale * self._variance))

    def widest(self, among: Sequence[int], count: int) -> list[int]:
        """So many of some networks, each the one that is least known given those before it."""
        chosen: list[int] = []
        with self._as_it_was():
            left = list(among)
            while left and len(chosen) < count:
                best = left.pop(int(np.argmax(self._variance[left])))
                chosen.append(best)
                self.take(best)
        return chosen

    @contextmanager
    def _as_it_was(self) -> Iterator[None]:
        """What is taken in within is forgotten after."""
        count, variance = len(self.places), self._variance.copy()
        try:
            yield
        finally:
            del self.places[count:]
            self._variance = variance

    def _covariance(self, place: int) -> Floats:
        """Of one network with all, what each has by itself left out."""
        of = self._of
        away = of.shape - of.shape[place]
        far = np.einsum("nd,nd->n", away, away) / (2 * LENGTH**2 * of.shape.shape[1])
        return (
            LEVEL_SD**2
            + LINEAR_SD**2 * (of.linear @ of.linear[place])
            + SHAPE_SD**2 * np.exp(-far)
            + FAMILY_SD**2 * (of.family == of.family[place])
            + SIZES_SD**2 * (of.architecture == of.architecture[place])
        )


def _filled(logs: Floats) -> Floats:
    """Counts that are not known are as the average network's."""
    return np.where(np.isfinite(logs), logs, np.nanmean(logs, axis=0))


def _told(mean: Floats, logs: Floats) -> Floats:
    """Means with those that are not known by least squares over counts."""
    lacking = ~np.isfinite(mean)
    if not lacking.any() or lacking.all():
        return np.where(lacking, 0.0, mean)
    design = np.column_stack([np.ones(len(logs)), logs])
    slopes = np.linalg.lstsq(design[~lacking], mean[~lacking], rcond=None)[0]
    return np.where(lacking, design @ slopes, mean)


def _standard(columns: Floats) -> Floats:
    """Of mean 0 and variance 1; what does not vary is 0."""
    sd = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(sd > 0, sd, 1.0)


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    return np.unique(np.array(list(names), dtype=str), return_inverse=True)[1].astype(np.int64)
