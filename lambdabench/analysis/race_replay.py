"""Races over published tables, whose truth is known: what is measured, what is found of the front, and what is lost by naming it so."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..facts.priors import Network, Speeds
from .race import Race, fastest, in_question, on_front
from .speed_model import Networks, networks
from .visits import Counts, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Networks with accuracies [percent], what published tables say of them, and the logarithms of their speeds on the device that is
    raced on."""

    of: Networks
    top1: Floats
    truth: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How a race went. `found`: members of the true front that were measured; `named`: those that the measured front has, too; `lost`: of
    each true member, what share of its speed is lost by taking the fastest named one of at least its accuracy."""

    networks: int
    measured: int
    front: int
    found: int
    named: int
    expected: float
    """Said to be still to be found, at the end."""
    lost: tuple[float, ...]
    processes: int
    """In which networks were measured: as many, and those of the second stage."""

    @property
    def share(self) -> float:
        """Of all networks that were measured."""
        return self.measured / self.networks

    @property
    def cost(self) -> float:
        """Processes a network of all."""
        return self.processes / self.networks


def course(speeds: Speeds, sources: Sequence[str], device: str, top1: Mapping[tuple[str, int], float]) -> Course:
    """The networks that the device's table and one of the sources have, and an accuracy. Raises ValueError where there are none."""
    names = [source.name for source in speeds.sources]
    picks, target = [names.index(source) for source in sources], names.index(device)
    rows = [
        network
        for network in speeds.networks
        if network.log_speeds[target] is not None
        and any(network.log_speeds[place] is not None for place in picks)
        and (network.architecture, network.image_px) in top1
    ]
    if not rows:
        raise ValueError(f"no network is in {device}, one of {', '.join(sources)}, and has an accuracy")
    logs = np.array([[_nan(network.log_speeds[place]) for place in (*picks, target)] for network in rows])
    return Course(
        of=networks([network.architecture for network in rows], counts_of(rows), logs[:, :-1]),
        top1=np.array([top1[network.architecture, network.image_px] for network in rows]),
        truth=logs[:, -1],
    )


def counts_of(rows: Sequence[Network]) -> Floats:
    """[network, 4]: parameters, MACs, activations, pixels a side; NaN for what is not known."""
    counts = [(network.parameters, network.gmacs, network.mactivations, float(network.image_px)) for network in rows]
    return np.array([[_nan(count) for count in row] for row in counts])


def replay(on: Course, *, noise: float = 0.0, seed: int = 0, abreast: int = 1, repeats: bool = False) -> Replay:
    """A race of so many networks at a time, whose measurements differ by `noise` (sd of the logarithm, between processes). `repeats`: what
    is in question after it is measured again, as the second stage does."""
    draw, race = np.random.default_rng(seed), Race(on.of, on.top1)
    while not race.is_over():
        chosen = race.choose(abreast)
        race.see({place: float(on.truth[place] + noise * draw.standard_normal()) for place in chosen})
    places = np.array(list(race.speeds), dtype=np.int64)
    speeds = np.array(list(race.speeds.values()))
    counts = np.ones(len(places), dtype=np.int64)
    if repeats and noise > 0:
        speeds, counts = _repeated(on, places, speeds, noise, draw)
    truly = np.flatnonzero(on_front(on.truth, on.top1))
    named = {int(place) for place in places[on_front(speeds, on.top1[places])]}
    return Replay(
        networks=len(on.truth),
        measured=len(places),
        front=len(truly),
        found=len({*truly.tolist()} & {*places.tolist()}),
        named=len({*truly.tolist()} & named),
        expected=race.expected(),
        lost=tuple(_lost(on, truly, dict(zip(places.tolist(), speeds.tolist(), strict=True)))),
        processes=int(counts.sum()),
    )


def _repeated(
    on: Course, places: Counts, speeds: Floats, noise: float, draw: np.random.Generator
) -> tuple[Floats, Counts]:
    """(Means, processes) once nothing is in question that may be measured again."""
    sums, counts = speeds.copy(), np.ones(len(places), dtype=np.int64)
    apart = np.arange(len(places), dtype=np.int64)
    while True:
        again = in_question(sums / counts, noise / np.sqrt(counts), on.top1[places], apart, counts)
        if not again.any():
            return sums / counts, counts
        sums[again] += on.truth[places[again]] + noise * draw.standard_normal(int(again.sum()))
        counts[again] += 1


def _lost(on: Course, truly: Counts, speeds: Mapping[int, float]) -> list[float]:
    """Of each true member the share of its speed that is lost by whoever takes the fastest of what is told with at least its accuracy."""
    known = np.array(list(speeds), dtype=np.int64)
    best = fastest(on.top1, speeds)
    lost: list[float] = []
    for member in truly:
        near = known[
            (on.top1[known] >= on.top1[member]) & (np.array([speeds[int(place)] for place in known]) == best[member])
        ]
        lost.append(1.0 if not len(near) else max(0.0, 1 - math.exp(float(on.truth[near[0]] - on.truth[member]))))
    return lost


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
