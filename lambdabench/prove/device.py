"""Questions that the device answers by itself: which it is, what it reaches, whether its answers are right."""

from collections.abc import Iterator

from ..core import registry
from ..core.errors import LambdabenchError
from ..core.proof_protocol import KernelError, ProofAnswered, ProofAsked
from ..launch import prove as launch
from ..machine import accelerators, host, lease
from .peaks import Peak, peak_of
from .place import FRAMEWORKS, Place
from .verdicts import Finding, at_most, equal, near, unasked

WITHIN = 2e-5
"""Largest error over largest value in float32, products at full precision."""
ROUND_TRIP_S = {"cpu": 200e-6, "cuda": 200e-6, "tpu": 1e-3}
"""A call's way to the device and back at most: ten times what a launch takes there."""


def identity(place: Place) -> Iterator[Finding]:
    """Which device it is, who else is on it, and whether rows will say what they depend on."""
    topic, device = "identity", place.device
    if place.kind in ("cpu", "cuda"):
        seen = [item.title for item in accelerators.look() if item.kind == place.kind]
        index = int(device.name.partition(":")[2] or 0)
        name = host.cpu_facts()[0] if place.kind == "cpu" else seen[index] if index < len(seen) else ""
        question = "is it what the system says it is?"
        if name:
            yield equal(topic, question, predicted=name, found=device.title, basis="/proc/cpuinfo, or NVML")
        else:
            yield unasked(topic, question, "NVML does not answer: pip install nvidia-ml-py")
    who = lease.holder(device.name) or accelerators.crowd(device.name)
    yield equal(topic, "who else is on it?", predicted="nobody", found=who or "nobody", basis="leases, NVML")
    libraries = getattr(registry.load("backends", place.backend), "LIBRARIES", ())
    told = dict(place.machine.environment.versions)
    lacking = [library.name for library in libraries if not library.device and library.name not in told]
    yield equal(
        topic,
        "which libraries are in no fingerprint?",
        predicted="none",
        found=", ".join(lacking) or "none",
        basis=f"what {place.backend} says its numbers depend on",
    )


def by_frameworks(place: Place) -> Iterator[Finding]:
    """Ceilings and right answers, by each framework that drives the device; nothing of scripted times."""
    for backend, framework in FRAMEWORKS.items():
        if backend not in place.device.backends:
            continue
        place.on_wait(f"asking {framework} on {place.device.name} for rates and right answers")
        try:
            answered = launch.prove(ProofAsked(framework=framework, device=place.device.name), ProofAnswered)
        except LambdabenchError as error:
            yield unasked(framework, "rates and right answers", str(error))
            continue
        yield from _ceilings(place, framework, answered, peak_of(place.device, place.machine))
        yield from (_right(framework, error) for error in answered.errors)


def _ceilings(place: Place, framework: str, answered: ProofAnswered, peak: Peak | None) -> Iterator[Finding]:
    source = "nothing published is known of it" if peak is None else peak.source
    for dtype, rate in answered.product_flop_per_s:
        predicted = None if peak is None else peak.flop_per_s.get(dtype)
        yield near(
            "ceilings",
            f"{framework}: a large product in {dtype}",
            predicted=predicted,
            found=rate,
            unit="FLOP/s",
            basis=source,
        )
    yield near(
        "ceilings",
        f"{framework}: a copy of 256 MiB",
        predicted=None if peak is None else peak.bytes_per_s,
        found=answered.copy_bytes_per_s,
        unit="B/s",
        basis=source,
    )
    yield at_most(
        "clock",
        f"{framework}: a call that does nothing, there and back",
        limit=ROUND_TRIP_S.get(place.kind, 1e-3),
        found=answered.round_trip_s,
        unit="s",
        basis="ten times a launch",
    )


def _right(framework: str, error: KernelError) -> Finding:
    question = f"{framework}: {error.kernel} in {error.dtype}, values and gradients"
    if error.problem:
        return Finding(
            topic="right answers",
            question=question,
            verdict="off",
            predicted=f"at most {WITHIN:.0e}",
            found=error.problem,
            basis="the paper's equations in float64",
        )
    return at_most(
        "right answers",
        question,
        limit=WITHIN,
        found=error.error,
        unit="relative error",
        basis="the paper's equations in float64",
    )
