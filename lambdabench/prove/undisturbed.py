"""What a device finds of itself while other programs leave it alone: asked again where they did not."""

from typing import TypeVar

from ..core.cpu_contention import DISTURBED
from ..core.proof_protocol import Copied, Loaded, ProofAsked, What
from ..launch import prove as launch
from .place import Place

TRIES = 3
"""Others' bursts take seconds."""
Found = TypeVar("Found", Loaded, Copied)


def ask(place: Place, what: What, kind: type[Found]) -> Found | str:
    """What the device finds, or why nothing can be told of it. Raises ProbeError."""
    asked, why = ProofAsked(framework=place.framework, device=place.device.name, what=what), ""
    for _ in range(TRIES):
        if place.stop():
            return why or "interrupted"
        found = launch.prove(asked, kind)
        if (found.lost or 0.0) < DISTURBED:
            return found
        why = f"other programs had the CPU in {100 * (found.lost or 0.0):.0f} % of the time; stop them or wait, then ask again"
        place.on_wait(why.partition(";")[0])
    return why
