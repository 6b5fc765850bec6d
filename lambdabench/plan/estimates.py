"""What a case takes, before it is measured: seconds of a step, of opening it, of a visit, and bytes. For plans only.

And how these estimates came out.
"""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..core.dtypes import BYTES
from ..core.record import Outcome
from ..core.spec import Case, Device, Job, ModelFacts, Rates, Sampling, facts_key
from ..core.training import Recipe
from ..turns import Schedule, has_clocks, schedule

PROCESS_START_S = {True: 0.5, False: 4.0}
"""By whether a process is forked from one that has loaded its framework: importing torch and timm took 3.3 s and some on two cores."""
CASE_OVERHEAD_S = 0.5
"""Building and placing the network."""
COUNTING_S = 1.0
"""Memory and counts, once a case."""
CALLS = 3
"""Beside those that are timed: the first, that of memory, that of the check."""
WARMUPS = 10
COMPILE_S_PER_OPERATION = {"inference": 0.45, "features": 0.45, "train": 1.6}
"""Compiling a convolution or matrix product where no calibration tells: ResNet-50, which has 54, by torch.compile took 24 s
(inference) and 84 s (training) on two Xeon cores."""
UNKNOWN_OPERATIONS = 60
COMPILE_PATIENCE = 5.0
"""A case that compiles has so many times the estimate beyond its suite's time limit: networks differ, and max-autotune is slow."""
EFFICIENCY = 0.4
"""Share of the matrix-product rate that whole networks reach in eager mode; an assumption, for estimates only."""
UNKNOWN_STEP_S = 0.1
BLOCK_S = 0.2
"""As a worker measures throughput where a call returns before its work is done."""
TRAIN_FACTOR = 3.0
"""Forward, and twice its operations backward."""
OPERATION_S = 1e-4
"""Of a convolution or matrix product with what follows it, forward, backward and in the optimizer, however small; an assumption, for
estimates only."""
LIVE_SHARE = 0.3
"""Share of the activations alive at the peak of inference; an assumption, for estimates only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds of opening a case once in a process, beyond what is done once for all (`first_s`), and its visits."""

    open_s: float
    first_s: float
    visits: Schedule
    calls: int
    """Of all visits."""
    block_s: float = 0.0
    """Of the pipelined block at the end of each visit."""

    @property
    def visit_s(self) -> float:
        """Seconds of one visit."""
        return self.visits.visit_s + self.block_s


def cost(case: Case, sampling: Sampling, step_s: float, compile_s: float, *, forks: bool) -> Cost:
    """What a case takes whose step takes `step_s` seconds, and `compile_s` to compile in each process."""
    calls_s = (CALLS + min(WARMUPS, sampling.warmup_share * sampling.case_budget_s / step_s)) * step_s
    visits = schedule(sampling, step_s, has_clocks=has_clocks(case.device))
    return Cost(
        open_s=PROCESS_START_S[forks] + CASE_OVERHEAD_S + compile_s + calls_s,
        first_s=COUNTING_S,
        visits=visits,
        calls=visits.calls(step_s),
        block_s=BLOCK_S if has_clocks(case.device) and step_s <= BLOCK_S else 0.0,
    )


def facts_of(case: Case, facts: Mapping[str, ModelFacts]) -> ModelFacts | None:
    """The closest there are: of its options and size, else of another's."""
    keys = [facts_key(case.model, px, options) for options in (case.options, ()) for px in (case.image_px, None)]
    return next((facts[key] for key in keys if key in facts), None)


def rates_of(case: Case, rates: Sequence[Rates]) -> Rates | None:
    """Those of the case's kind of run, else of another backend's on the same device."""
    mode = "inference" if case.mode == "features" else case.mode
    same = [rate for rate in rates if (rate.device, rate.mode, rate.dtype) == (case.device, mode, case.dtype)]
    return next((rates for rates in same if rates.backend == case.backend), same[0] if same else None)


def step_s(case: Case, device: Device, facts: ModelFacts | None, rates: Rates | None) -> float:
    """Seconds of a step, in which each device of several does its share of the batch."""
    images = case.batch_size / max(1, case.devices)
    if facts is None or not facts.flops_per_image:
        return UNKNOWN_STEP_S * images
    if rates is not None:
        return images * facts.flops_per_image * _between(rates.flop_s, facts)
    times = TRAIN_FACTOR if case.mode == "train" else 1.0
    if not device.gemm_flop_per_s:
        return times * UNKNOWN_STEP_S * images
    return times * facts.flops_per_image * images / (device.gemm_flop_per_s * EFFICIENCY)


def train_s(case: Case, device: Device, facts: ModelFacts | None, rates: Rates | None, recipe: Recipe | None) -> float:
    """Seconds of one training by a recipe; 0 without one. Small networks take what calling their operations takes."""
    if recipe is None:
        return 0.0
    calls_s = OPERATION_S * ((facts.operations if facts else None) or UNKNOWN_OPERATIONS)
    item = dataclasses.replace(case, mode="train", batch_size=recipe.batch_size)
    return recipe.steps * (calls_s + step_s(item, device, facts, rates if case.mode == "train" else None))


def compile_s_of(case: Case, facts: ModelFacts | None, rates: Rates | None) -> float:
    """Seconds of compiling: what this backend's compiler took here where it has, those of another say nothing."""
    operations = (facts.operations if facts else None) or UNKNOWN_OPERATIONS
    if rates is not None and case.backend in dict(rates.compiling):
        return operations * dict(rates.compiling)[case.backend]
    own = rates.compile_s_per_operation if rates is not None and rates.backend == case.backend else None
    return operations * (COMPILE_S_PER_OPERATION[case.mode] if own is None else own)


def estimate_bytes(case: Case, facts: ModelFacts | None, rates: Rates | None) -> float | None:
    if facts is None or facts.parameters is None or facts.activations_per_image is None:
        return None
    return kept_bytes(case, facts) + facts.activations_per_image * case.batch_size * _element_bytes(case, facts, rates)


def kept_bytes(case: Case, facts: ModelFacts) -> float:
    """Bytes of the parameters, in training with gradients and momentum, and of the images."""
    copies = 3 if case.mode == "train" else 1
    images = 3 * (case.image_px or 0) ** 2 * case.batch_size
    return BYTES[case.dtype] * (copies * (facts.parameters or 0) + images)


def _element_bytes(case: Case, facts: ModelFacts, rates: Rates | None) -> float:
    """Bytes at the peak for an element that convolutions and matrix products write.

    What lies between those (normalisation, activation, gating) takes memory too, more where a network multiplies less for what it
    writes: it is what the calibrated networks took, between them by elements a FLOP, and beyond them as the nearest.
    """
    known = rates.element_bytes if rates is not None and rates.backend == case.backend else ()
    if not known or not facts.flops_per_image:
        return BYTES[case.dtype] * (1.0 if case.mode == "train" else LIVE_SHARE)
    return _between(known, facts)


def _between(known: Sequence[tuple[float, float]], facts: ModelFacts) -> float:
    """What a network takes between those that were measured, by elements a FLOP; beyond them as the nearest."""
    (low, few), (high, many) = min(known), max(known)
    written = (facts.activations_per_image or 0.0) / (facts.flops_per_image or 1.0)
    share = min(max((written - low) / (high - low), 0.0), 1.0) if high > low else 0.0
    return few + share * (many - few)


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateCheck:
    """How the plan's estimates came out. Cases that failed say nothing of them."""

    sized: int = 0
    within_memory: int = 0
    """Of the `sized` cases with an estimate of memory, those whose peak was within a factor of two of it."""


def check_estimates(outcomes: Iterable[tuple[Job, Outcome]]) -> EstimateCheck:
    """Compares what cases took with what was estimated."""
    sizes: dict[str, float] = {}
    for job, outcome in outcomes:
        peak = next(
            (measurement.value for measurement in outcome.measurements if measurement.metric == "peak_memory"), None
        )
        if peak and job.estimate_bytes:
            sizes.setdefault(job.case_id, peak / job.estimate_bytes)
    return EstimateCheck(sized=len(sizes), within_memory=sum(0.5 <= size <= 2.0 for size in sizes.values()))
