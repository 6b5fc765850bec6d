"""Which networks race for the front: those that have a published accuracy and can be made here, as far as they fit."""

import dataclasses
import fnmatch
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import models
from ..analysis.race import on_front
from ..analysis.speed_model import Networks, networks
from ..core import fields, flags, registry
from ..core.errors import RequestError
from ..core.spec import Case, Cell, Job, ModelFacts, Sampling, Suite, Value, Wish, facts_key, options_from
from ..facts import DEFAULT_WEIGHTS, Fact, accuracies, chosen
from ..facts.priors import priors
from ..suite.overrides import Overrides
from ._results import FRONT, known_weights

METRICS = ("latency", "throughput", "peak_memory", "parameters")
SAMPLING = Sampling(case_budget_s=1.0, min_samples=6, processes=1, rounds=3)
"""Of each process: finding a front takes little precision, and what is in question is measured again (reports/race/index.md)."""
KINDS = {"cpu": "cpu", "cuda": "gpu", "xpu": "gpu", "mps": "gpu"}
"""Kinds of devices -> those of published tables."""
SEVERAL = ("device", "devices", "image_px", "threads")
"""Settings whose flags say something else here, or nothing."""
AXES_OF_ONE = tuple(field.name for field in fields.RUNNING if field.flag and field.name not in SEVERAL)
"""Settings of which a race has one each, since it has one front."""
REFUSED = ("model", "models", "at")
MEGA, GIGA = 1e6, 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class RaceRequest:
    """Which part of the front is wanted. `candidates`: globs of architectures; none: all."""

    candidates: tuple[str, ...] = ()
    max_latency_s: float | None = None
    min_top1: float | None = None
    """Percent."""
    max_parameters: float | None = None
    max_macs: float | None = None
    """Multiply-accumulates an image."""
    weights: tuple[str, ...] = DEFAULT_WEIGHTS
    """Whose published accuracies count, as `facts.chosen` takes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An architecture at one image size with its published accuracy [percent]; counts, and logarithms of published speeds in the order
    of `priors().sources`, are None where nobody tells them."""

    architecture: str
    image_px: int
    top1: float
    parameters: float | None = None
    macs: float | None = None
    activations: float | None = None
    log_speeds: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Starters:
    """Who races. Of each candidate its case id; `jobs`: what measures a case in its next process, for those that may be measured."""

    candidates: tuple[Candidate, ...]
    case_ids: tuple[str, ...]
    jobs: Mapping[str, Job]
    of: Networks
    sources: tuple[str, ...]
    axis: str
    least: float = -math.inf
    """The logarithm of the speed below which nothing matters."""
    weights: tuple[str, ...] = DEFAULT_WEIGHTS


def race_request(given: Mapping[str, Any]) -> RaceRequest:
    """The request of flags by their names; None or absent where not given. Raises RequestError for a value that is none."""
    at = {name: (given.get(name), name) for name in ("--candidates", "--max-latency", "--min-top1", "--max-params")}
    return RaceRequest(
        candidates=flags.words(*at["--candidates"]),
        max_latency_s=flags.limit(*at["--max-latency"]),
        min_top1=flags.percent(*at["--min-top1"]),
        max_parameters=flags.count(*at["--max-params"]),
        max_macs=flags.count(given.get("--max-macs"), "--max-macs"),
        weights=known_weights(flags.words(given.get("--weights"), "--weights")) or DEFAULT_WEIGHTS,
    )


def known(weights: Sequence[str]) -> tuple[Candidate, ...]:
    """Every network with a published accuracy of some weights, whose counts are published or which is ours, by name and size."""
    speeds = {(network.architecture, network.image_px): network for network in priors().networks}
    ours = models.ours()
    facts: dict[tuple[str, int], list[Fact]] = {}
    for fact in accuracies():
        if not fact.options:
            facts.setdefault((fact.architecture, fact.eval_px), []).append(fact)
    candidates: list[Candidate] = []
    for (architecture, image_px), same in sorted(facts.items()):
        best, network = chosen(same, weights)[:1], speeds.get((architecture, image_px))
        if not best or (network is None and architecture not in ours):
            continue
        candidate = Candidate(architecture=architecture, image_px=image_px, top1=best[0].value)
        if network is not None:
            candidate = dataclasses.replace(
                candidate,
                parameters=_times(network.parameters, MEGA),
                macs=_times(network.gmacs, GIGA),
                activations=_times(network.mactivations, MEGA),
                log_speeds=network.log_speeds,
            )
        candidates.append(candidate)
    return tuple(candidates)


def fitting(candidates: Sequence[Candidate], request: RaceRequest, sizes: Collection[int] = ()) -> list[Candidate]:
    """Those that match a glob, and some image size where sizes are given, and keep the limits; what has no count keeps its limit.

    Raises RequestError for a glob that matches none, and where none is left.
    """
    names = sorted({candidate.architecture for candidate in candidates})
    for glob in request.candidates:
        if not fnmatch.filter(names, glob):
            unknown = str(registry.unknown("published network", glob, names))
            raise RequestError(f"--candidates: {unknown}; lambdabench list models --like {glob!r}")
    globs = request.candidates or ("*",)
    left = [
        candidate
        for candidate in candidates
        if any(fnmatch.fnmatchcase(candidate.architecture, glob) for glob in globs)
    ]
    limits = {
        f"--image-px {','.join(map(str, sizes))}": lambda candidate: not sizes or candidate.image_px in sizes,
        f"--min-top1 {request.min_top1 or 0.0:g}": lambda candidate: candidate.top1 >= (request.min_top1 or 0.0),
        f"--max-params {(request.max_parameters or 0.0) / MEGA:g}M": lambda candidate: (
            (candidate.parameters or 0.0) <= (request.max_parameters or math.inf)
        ),
        f"--max-macs {(request.max_macs or 0.0) / GIGA:g}G": lambda candidate: (
            (candidate.macs or 0.0) <= (request.max_macs or math.inf)
        ),
    }
    for limit, keeps in limits.items():
        kept = [candidate for candidate in left if keeps(candidate)]
        if left and not kept:
            raise RequestError(f"{limit} leaves none of {len(left)} candidates; give a wider limit")
        left = kept
    return left


def counted(candidates: Sequence[Candidate], facts: Mapping[str, ModelFacts]) -> list[Candidate]:
    """The candidates with counts that the probe found, where no table has any."""
    return [candidate if candidate.macs else _counted(candidate, facts) for candidate in candidates]


def wishes_of_uncounted(candidates: Sequence[Candidate]) -> list[Wish]:
    """What the probe is asked: counts of networks that no table has."""
    return [
        Wish(model=candidate.architecture, image_px=candidate.image_px)
        for candidate in candidates
        if not candidate.log_speeds
    ]


def facts_of(candidates: Sequence[Candidate]) -> dict[str, ModelFacts]:
    """What planning must know of networks, as it is published."""
    facts: dict[str, ModelFacts] = {}
    for candidate in candidates:
        if candidate.macs and candidate.parameters and candidate.activations:
            key = facts_key(candidate.architecture, candidate.image_px)
            facts[key] = ModelFacts(
                name=candidate.architecture,
                family="timm",
                native_px=candidate.image_px,
                image_px=candidate.image_px,
                parameters=round(candidate.parameters),
                flops_per_image=2 * candidate.macs,
                activations_per_image=candidate.activations,
            )
    return facts


def suite_of(candidates: Sequence[Candidate], overrides: Overrides, weights: Sequence[str]) -> Suite:
    """The candidates as a suite's cells. Its reference, which is visited beside all others, lies in the middle of the foretold front.

    Raises RequestError for flags that a race has no use for, and for several values of a setting.
    """
    settings = settings_of(overrides)
    of, _ = networks_of(candidates, "")
    foretold = np.flatnonzero(on_front(of.mean, np.array([candidate.top1 for candidate in candidates])))
    middle = candidates[int(foretold[np.argsort(of.mean[foretold], kind="stable")][len(foretold) // 2])]
    return Suite(
        name=FRONT,
        title="The front of published networks",
        cells=tuple(Cell(case=_case(candidate, settings), grid="--candidates") for candidate in candidates),
        metrics=METRICS,
        sampling=SAMPLING,
        reference=options_from({"model": middle.architecture, "image_px": middle.image_px}),
        weights=tuple(weights),
    )


def settings_of(overrides: Overrides) -> dict[str, Value]:
    """What all cases of a race have in common. Raises RequestError."""
    for name in REFUSED:
        if getattr(overrides, name):
            raise RequestError(
                f"--{name}: found beside --find-front, expected --candidates GLOB, which says who may be on the front"
            )
    settings: dict[str, Value] = {}
    for name in AXES_OF_ONE:
        values = overrides.axes.get(name, ())
        if len(values) > 1:
            flag = f"--{name.replace('_', '-')}"
            raise RequestError(f"{flag}: found {', '.join(map(str, values))}, expected one: a race has one front")
        if values:
            settings[name] = values[0]
    for name in ("device", "devices", "threads"):
        if values := overrides.axes.get(name, ()):
            settings[name] = values[0]
    if settings.get("devices") == "all":
        settings["devices"] = 0
    return settings


def networks_of(candidates: Sequence[Candidate], kind: str) -> tuple[Networks, tuple[str, ...]]:
    """(Candidates as the speed model sees them, the tables that are its prior): tables of a device of their kind, where there is one, else
    all. Every published network is there when figures are standardised."""
    speeds = priors()
    places = [at for at, source in enumerate(speeds.sources) if source.kind == KINDS.get(kind)]
    places = places or list(range(len(speeds.sources)))
    raced = {(candidate.architecture, candidate.image_px) for candidate in candidates}
    others = [network for network in speeds.networks if (network.architecture, network.image_px) not in raced]
    names = [candidate.architecture for candidate in candidates] + [network.architecture for network in others]
    counts = [(entry.parameters, entry.macs, entry.activations, entry.image_px) for entry in candidates] + [
        (
            _times(network.parameters, MEGA),
            _times(network.gmacs, GIGA),
            _times(network.mactivations, MEGA),
            network.image_px,
        )
        for network in others
    ]
    unpublished = (None,) * len(speeds.sources)
    logs = [entry.log_speeds or unpublished for entry in candidates] + [network.log_speeds for network in others]
    columns = np.array([[math.nan if log is None else log for log in row] for row in logs])[:, places]
    figures = np.array([[math.nan if count is None else float(count) for count in row] for row in counts])
    everything = networks(names, figures, columns)
    return everything.of(range(len(candidates))), tuple(speeds.sources[at].name for at in places)


def _case(candidate: Candidate, settings: Mapping[str, Value]) -> Case:
    """The case of a candidate; on scripted times as fast as the first CPU's table says, else by its operations."""
    batch = int(settings.get("batch_size", 1))
    options = {"latency_s": _scripted_s(candidate) * batch} if settings.get("backend") == "fake" else {}
    fields = dict(settings) | {"model": candidate.architecture, "image_px": candidate.image_px}
    return Case(**fields, options=options_from(options))  # pyright: ignore[reportArgumentType] (values by name)


def _scripted_s(candidate: Candidate) -> float:
    sources = [at for at, source in enumerate(priors().sources) if source.kind == "cpu"]
    logs = [candidate.log_speeds[at] for at in sources if candidate.log_speeds]
    log = next((log for log in logs if log is not None), None)
    return round(math.exp(-log) if log is not None else (candidate.macs or GIGA) / (30 * GIGA), 6)


def _counted(candidate: Candidate, facts: Mapping[str, ModelFacts]) -> Candidate:
    keys = (facts_key(candidate.architecture, candidate.image_px), candidate.architecture)
    fact = next((facts[key] for key in keys if key in facts), None)
    if fact is None or not fact.flops_per_image:
        return candidate
    return dataclasses.replace(
        candidate, parameters=fact.parameters, macs=fact.flops_per_image / 2, activations=fact.activations_per_image
    )


def _times(count: float | None, factor: float) -> float | None:
    return None if count is None else count * factor
