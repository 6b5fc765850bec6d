"""Questions of a device under load from rest on: when its speed has risen, whether a run's own warming up lasts so long, what it keeps."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

from ..analysis.estimate import median
from ..core.proof_protocol import Loaded, Moment
from ..core.spec import Sampling
from ..core.units import format_time
from ..turns import has_clocks, schedule
from ..worker.warm_up import cold_calls
from . import undisturbed
from .place import Place
from .settling import SPAN_S, WITHIN, Settled, settled
from .verdicts import Finding, at_most, near, unasked

TOPIC = "warm-up"
RISEN = "how long is load until its speed has risen?"
CLOCK = "how long is load until its SM clock has risen?"
FIRST, EVERY = 50, 25
"""Windows of a curve that are told: so many at its start, and one in so many after."""


def risen(place: Place) -> Iterator[Finding]:
    """Seconds until the speed has risen, beside those that a visit of a run leaves out; the SM clock; the speed that is kept."""
    place.on_wait(f"letting {place.device.name} rest, then loading it, for some seconds")
    loaded = undisturbed.ask(place, "load", Loaded)
    if isinstance(loaded, str):
        yield unasked(TOPIC, RISEN, loaded)
        return
    yield from findings(loaded, place.device.name)


def findings(loaded: Loaded, device: str) -> Iterator[Finding]:
    """Of a load that nobody disturbed, on a device of this name."""
    found = settled(loaded.seconds)
    if found is None:
        yield unasked(TOPIC, RISEN, f"{len(loaded.seconds)} calls in {sum(loaded.seconds):.0f} s are too few to tell")
        return
    product = f"products of {loaded.side} x {loaded.side} in {loaded.dtype}"
    limit_s = left_out_s(loaded.seconds, device)
    basis = f"what a visit of a run leaves out at its start, replayed on these {product}"
    finding = at_most(TOPIC, RISEN, limit=limit_s, found=found.risen_s, unit="s", basis=basis)
    yield dataclasses.replace(finding, curve=_curve(found))
    if clocks := [(moment.after_s, moment.sm_clock_mhz) for moment in loaded.moments if moment.sm_clock_mhz]:
        yield _of_clock(clocks)
    elif device.startswith("cuda"):
        yield unasked(TOPIC, CLOCK, "NVML does not answer: pip install nvidia-ml-py")
    question = f"speed after {sum(loaded.seconds):.0f} s of load, as a share of its best {SPAN_S:g} s"
    falls = f"a speed that is kept, found to fall until {format_time(found.steady_s)}"
    basis = [falls if found.steady_s > found.risen_s else "a speed that is kept", *_held_down(loaded.moments)]
    yield near(TOPIC, question, predicted=1.0, found=found.kept, unit="", basis="; ".join(basis))


def left_out_s(seconds: Sequence[float], device: str) -> float:
    """Seconds of the calls that a visit leaves out at its start, were it of these very calls."""
    rises, script = has_clocks(device), iter(seconds)
    cold_s = schedule(Sampling(), median(seconds), has_clocks=rises).length.cold_s
    return sum(cold_calls(lambda count: list(itertools.islice(script, count)), cold_s, rises=rises))


def _of_clock(clocks: Sequence[tuple[float, float]]) -> Finding:
    """Of (seconds of load, MHz), the first at rest."""
    kept_mhz = median([mhz for _, mhz in clocks[len(clocks) // 2 :]])
    risen_s = next(after_s for after_s, mhz in clocks if mhz >= (1 - WITHIN) * kept_mhz)
    basis = f"NVML: {clocks[0][1]:.0f} MHz at rest, {kept_mhz:.0f} MHz under load"
    finding = near(TOPIC, CLOCK, predicted=None, found=risen_s, unit="s", basis=basis)
    return dataclasses.replace(finding, curve=tuple(clocks))


def _held_down(moments: Sequence[Moment]) -> list[str]:
    """What held the clock down under load, by NVML; nothing where it does not tell."""
    told = [moment.reasons for moment in moments if moment.after_s and moment.reasons is not None]
    names = sorted({name for reasons in told for name in reasons})
    return [f"NVML: clock held down by {', '.join(names) or 'nothing'}"] if told else []


def _curve(found: Settled) -> tuple[tuple[float, float], ...]:
    """(Seconds of load, speed as a share of the steady one)."""
    told = (*found.windows[:FIRST], *found.windows[FIRST::EVERY])
    return tuple((round(window.ended_s, 4), round(found.call_s / window.call_s, 4)) for window in told)
