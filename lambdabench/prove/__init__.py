"""The first minutes on a device: is it what it says, is the clock true, are answers right, does what was predicted of it hold."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..conduct import Stop
from ..core.errors import LambdabenchError
from ..launch import probe
from ..machine import lease
from . import caches, cases, device, warm_up
from .place import Place, place_of
from .verdicts import Finding, exit_code, unasked

__all__ = ["Finding", "Proof", "exit_code", "prove"]

TOPICS: tuple[tuple[str, Callable[[Place], Iterator[Finding]]], ...] = (
    ("identity", device.identity),
    ("ceilings and right answers", device.by_frameworks),
    ("warm-up", warm_up.risen),
    ("caches", caches.emptied),
    ("clock", cases.clock),
    ("kernels", cases.kernels),
    ("networks", cases.networks),
    ("failure", cases.failure),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found on a device."""

    device: str
    title: str
    findings: tuple[Finding, ...]
    interrupted: bool = False


def prove(name: str, stop: Stop, on_wait: Callable[[str], None] = lambda _: None) -> Proof:
    """Every question, on the device of a name or kind, which nobody else measures on meanwhile. Raises DeviceError where it is not here,
    or held by another run."""
    place = place_of(name, probe(()).machine, stop, on_wait)
    findings: list[Finding] = []
    with lease.hold((place.device.name,), on_wait):
        for topic, ask in TOPICS:
            if stop():
                findings.append(unasked(topic, "all of it", "interrupted"))
                continue
            try:
                findings += ask(place)
            except LambdabenchError as error:
                findings.append(unasked(topic, "the rest of it", str(error)))
    return Proof(
        device=place.device.name, title=place.device.title, findings=tuple(findings), interrupted=bool(stop.signal)
    )
