"""Questions that cases answer, played as a run plays them: is the clock true, which kernel is quickest, does a number agree with a loop
that knows nothing of this package, does a failure end alone."""

import math
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..core.kernel_times import MEASURED, KernelTime, Stage, of_kind
from ..core.spec import Case
from ..facts import kernel_times
from ..kernels import TRITON, names
from ..launch import worker_environment
from .place import Place, Played, case_of, play, problem_of
from .verdicts import Finding, equal, near, unasked

PAUSE_S = 0.02
PAUSING = f"{Path(__file__).parents[1] / 'tasks' / 'pausing.py'}:make"
NETWORKS = {"cpu": ("resnet18",), "cuda": ("resnet50", "efficientnet_b0"), "fake": ("resnet18",)}
STAGES = {
    "cpu": ((14, 256, 7, 1),),
    "fake": ((14, 256, 7, 1),),
    "cuda": tuple(
        (side, dim, scope, 128) for side, dim in ((56, 64), (28, 128), (14, 256), (7, 512)) for scope in (7, 23)
    ),
}
"""(Side, channels, scope, images) of the lambda layers that are timed; a TPU's are a GPU's."""
HEADS, CASE_S = 4, 1.0
BY_SHAPE = ("cpu", "fake")
"""Kinds on which `auto` goes by shape, and by no table of times."""
TOO_MANY = {"cpu": 4096, "fake": 4096}
"""Images of a batch that cannot fit."""
CPU_LIMIT_BYTES = 3 * 2**30
"""What that batch is held to on a CPU, whose memory others use too."""
LOOP = """
import sys, time
import timm, torch
name, device, threads, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
torch.set_num_threads(threads)
network = timm.create_model(name).eval().to(device)
image = torch.randn(1, 3, 224, 224, device=device)
wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
times, start = [], time.perf_counter()
with torch.inference_mode():
    while time.perf_counter() - start < 1 + seconds:
        before = time.perf_counter()
        network(image)
        wait()
        if before - start > 1:
            times.append(time.perf_counter() - before)
print(sorted(times)[len(times) // 2])
"""
"""The median of its calls after a second of them."""


def clock(place: Place) -> Iterator[Finding]:
    """A pause of known length through the session's own clock, and one case against itself."""
    question = f"how long is a pause of {PAUSE_S * 1e3:g} ms?"
    if place.backend == "jax_jit":
        yield unasked("clock", question, "nothing in JAX pauses a device for a known time")
        return
    pausing = case_of(place, PAUSING, {"latency_s": PAUSE_S, "jitter": 0.0}, image_px=32)
    played = play(place, {"pause": pausing, "again": pausing}, case_s=CASE_S)
    if problem := problem_of(played):
        yield unasked("clock", question, problem)
        return
    first, again = (played[name].median_s for name in ("pause", "again"))
    yield near("clock", question, predicted=PAUSE_S, found=first, unit="s", basis="the pause that is asked for")
    yield near("clock", "one case against itself", predicted=1.0, found=again / first, unit="", basis="they are equal")


def kernels(place: Place) -> Iterator[Finding]:
    """Each way to apply lambdas at each stage, beside what is predicted of it, and whether `auto` takes the quickest. What was measured is
    kept, for `auto` here."""
    measured: list[KernelTime] = []
    for side, dim, scope, batch in STAGES.get(place.kind, STAGES["cuda"]):
        stage = Stage(batch=batch, side=side, scope=scope, value_depth=dim // HEADS)
        place.on_wait(f"timing kernels on {side} x {side} maps, scope {scope}")
        for mode, direction in (("inference", "forward"), ("train", "step")):
            played = play(place, _kernel_cases(place, stage, mode), case_s=CASE_S)
            yield from _kernel_findings(place, stage, direction, played)
            measured += _times(place, stage, direction, played)
    if place.kind not in BY_SHAPE:
        kept = kernel_times.keep(measured)
        yield equal(
            "kernels",
            "are the times kept, for auto?",
            predicted="yes",
            found="yes" if kept else "no",
            basis="cache folder",
        )


def _kernel_cases(place: Place, stage: Stage, mode: str) -> dict[str, Case]:
    choices = names("jax" if place.backend == "jax_jit" else "torch")
    chosen = [name for name in choices if _is_for(name, place.kind)]
    return {
        kernel: case_of(
            place,
            "lambda_layer",
            {"latency_s": 0.01 * max(1, rank), "jitter": 0.0},  # auto and the first kernel are equal
            kind="layer",
            mode=mode,
            dtype=place.dtype,
            batch_size=stage.batch,
            image_px=stage.side,
            options={"dim": stage.value_depth * HEADS, "scope": stage.scope, "kernel": kernel},
        )
        for rank, kernel in enumerate(("auto", *chosen))
    }


def _is_for(kernel: str, kind: str) -> bool:
    """Whether a kernel is for a kind of device; others run in their place elsewhere."""
    own = {"cpu": "cpu", "xla_cpu": "cpu", "xla_pallas": "tpu"} | dict.fromkeys(TRITON, "cuda")
    return own.get(kernel, kind) in (kind, "fake")


def _kernel_findings(place: Place, stage: Stage, direction: str, played: Mapping[str, Played]) -> Iterator[Finding]:
    where = f"{stage.side} x {stage.side}, scope {stage.scope}, batch {stage.batch}, {direction}"
    known = {
        time.kernel: time
        for time in of_kind(kernel_times.shipped(), place.device.title)
        if time.stage == stage and time.direction == direction
    }
    for kernel, answer in played.items():
        question = f"{kernel} on {where}"
        if answer.status != "ok":
            yield unasked("kernels", question, f"{answer.status}: {answer.reason}")
            continue
        time = known.get(kernel)
        yield near(
            "kernels",
            question,
            predicted=None if time is None else time.seconds,
            found=answer.median_s,
            unit="s",
            basis="nothing is known of such a device"
            if time is None
            else f"{time.origin}; the layer's projections come on top",
        )
    times = {kernel: answer.median_s for kernel, answer in played.items() if answer.status == "ok"}
    if "auto" in times and len(times) > 1:
        best = min((kernel for kernel in times if kernel != "auto"), key=lambda kernel: times[kernel])
        ratio = times["auto"] / times[best]
        basis = f"auto is to take the quickest, which is {best}"
        yield near("kernels", f"auto against the quickest on {where}", predicted=1.0, found=ratio, unit="", basis=basis)


def _times(place: Place, stage: Stage, direction: str, played: Mapping[str, Played]) -> list[KernelTime]:
    return [
        KernelTime(
            kind=place.device.title,
            origin=MEASURED,
            stage=stage,
            kernel=kernel,
            direction=direction,
            seconds=answer.median_s if answer.status == "ok" else math.inf,
        )
        for kernel, answer in played.items()
        if kernel != "auto"
    ]


def networks(place: Place) -> Iterator[Finding]:
    """Networks by the product beside a plain loop over timm and torch in a process of its own."""
    if place.backend == "jax_jit":
        yield unasked(
            "networks", "a network against an independent loop", "the loop is torch's, which does not drive this device"
        )
        return
    for name in NETWORKS.get(place.kind, NETWORKS["cuda"]):
        place.on_wait(f"timing {name}, then by a loop of its own")
        played = play(place, {name: case_of(place, name, {"latency_s": PAUSE_S})}, case_s=2 * CASE_S, processes=2)
        question = f"{name}, batch 1, against an independent loop"
        if problem := problem_of(played):
            yield unasked("networks", question, problem)
            continue
        found = played[name].median_s
        if place.backend == "fake":
            yield near("networks", f"{name}, batch 1", predicted=PAUSE_S, found=found, unit="s", basis="its script")
            continue
        loop = _loop(place, name)
        if isinstance(loop, str):
            yield unasked("networks", question, loop)
        else:
            yield near(
                "networks", question, predicted=loop, found=found, unit="s", basis="a loop over timm and torch alone"
            )


def _loop(place: Place, name: str) -> float | str:
    """Seconds by the loop, or why there are none."""
    device, threads = place.device.name, place.machine.environment.cores
    command = [sys.executable, "-c", LOOP, name, device, str(threads), str(2 * CASE_S)]
    done = subprocess.run(
        command, env=worker_environment(threads), capture_output=True, text=True, timeout=300, check=False
    )
    lines = done.stdout.split() if done.returncode == 0 else []
    return float(lines[-1]) if lines else f"the loop failed: {done.stderr.strip()[-200:]}"


def failure(place: Place) -> Iterator[Finding]:
    """A batch that cannot fit is out of memory and said to be, and what comes next is none the worse."""
    batch = TOO_MANY.get(place.kind, 2**20)
    name = NETWORKS["cpu"][0] if place.backend != "jax_jit" else "resnet50_cccc"
    place.on_wait(f"asking for {batch} images at once, which cannot fit")
    limit_bytes = CPU_LIMIT_BYTES if place.kind == "cpu" else None
    large = case_of(place, name, {"largest_batch": 1}, batch_size=batch)
    played = play(place, {"large": large}, case_s=CASE_S, memory_limit_bytes=limit_bytes)
    basis = f"{batch} images of {name}"
    yield equal("failure", "a batch that cannot fit", predicted="oom", found=played["large"].status, basis=basis)
    small = case_of(place, name, {"latency_s": PAUSE_S})
    after = play(place, {"next": small}, case_s=CASE_S)["next"]
    yield equal("failure", "the next case", predicted="ok", found=after.status, basis=after.reason or "another process")
