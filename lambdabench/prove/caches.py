"""What a step takes with a device's caches emptied before it, of what it takes with what the last one left in them: a copy, and a lambda
layer, beside what bytes and the rates of copies say of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..core.dtypes import BYTES
from ..core.proof_protocol import Copied
from ..core.spec import Case
from ..layers.lambda_layer import spec
from . import undisturbed
from .place import Place, case_of, play, problem_of
from .verdicts import Finding, near, unasked

TOPIC = "caches"
DIM, SIDE, SCOPE, BATCH = 256, 14, 7, 8
CASE_S = 1.5
SCRIPTS = {"warm": 0.001, "cold": 0.0013}
"""Seconds of the layer where times are scripted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Bytes that a step reads and writes at least, its seconds with what the call before left in the caches, and with emptied ones."""

    moved_bytes: int
    warm_s: float
    cold_s: float


def emptied(place: Place) -> Iterator[Finding]:
    """Of a copy, then of a lambda layer: seconds with emptied caches over those with kept ones."""
    question = "emptied caches against kept ones"
    if place.backend == "jax_jit":
        yield unasked(TOPIC, question, "nothing in JAX empties a device's caches")
        return
    place.on_wait(f"copying on {place.device.name} with kept caches, then with emptied ones")
    copied = undisturbed.ask(place, "copies", Copied)
    if isinstance(copied, str):
        yield unasked(TOPIC, question, copied)
        return
    copy = Step(moved_bytes=copied.small_bytes, warm_s=copied.warm_s, cold_s=copied.cold_s)
    yield compared(f"a copy of {copied.small_bytes / 2**21:g} MiB", copy, copied)
    yield _of_layer(place, copied)


def compared(step: str, took: Step, copied: Copied) -> Finding:
    """Emptied over kept, beside what is derived: each byte comes at memory's rate of copies and not at the caches'."""
    memory, caches = copied.large_bytes / copied.large_s, copied.small_bytes / copied.warm_s
    more_s = took.moved_bytes * max(0.0, 1 / memory - 1 / caches)
    return near(
        TOPIC,
        f"{step}: times as long with emptied caches",
        predicted=1 + more_s / took.warm_s,
        found=took.cold_s / took.warm_s,
        unit="times",
        basis=f"{took.moved_bytes / 1e6:.3g} MB at {memory / 1e9:.3g} GB/s of memory, not at {caches / 1e9:.3g} of caches",
    )


def _of_layer(place: Place, copied: Copied) -> Finding:
    step = f"a lambda layer on {SIDE} x {SIDE}, {DIM} channels, scope {SCOPE}, batch {BATCH}"
    played = play(place, {caches: _case(place, caches) for caches in SCRIPTS}, case_s=CASE_S)
    if problem := problem_of(played):
        return unasked(TOPIC, f"{step}: times as long with emptied caches", problem)
    numbers = 2 * BATCH * DIM * SIDE**2 + spec.parameters(DIM, DIM, size=(SIDE, SIDE), scope=SCOPE)
    took = Step(
        moved_bytes=BYTES[place.dtype] * numbers,
        warm_s=played["warm"].median_s,
        cold_s=played["cold"].median_s,
    )
    return compared(step, took, copied)


def _case(place: Place, caches: str) -> Case:
    return case_of(
        place,
        "lambda_layer",
        {"latency_s": SCRIPTS[caches], "jitter": 0.0},
        kind="layer",
        dtype=place.dtype,
        batch_size=BATCH,
        image_px=SIDE,
        options={"dim": DIM, "scope": SCOPE, "caches": caches},
    )
