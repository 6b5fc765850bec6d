"""How fast whole networks run and compile here, measured for a moment as ordinary jobs: only for estimates of time."""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from .. import launch
from ..core import codec
from ..core.registry import ROOT
from ..core.spec import Case, Device, Job, Machine, ModelFacts, Plan, Rates, Sampling, Wish, facts_key

NETWORKS = ("resnet50_cccc", "tf_efficientnet_b0")
"""One that multiplies much for what it writes, one that writes much for what it multiplies: their two times tell two rates."""
IMAGE_PX = 128
SAMPLING = Sampling(case_budget_s=1.0, min_samples=4, warmup_calls=1)
LIMIT_S = 180.0
WORTH_S = 300.0
"""A run that may take so long is worth the half minute."""
FROM_ELSEWHERE = {"torch_compile": "torch_eager"}
"""A backend that compiles too slowly to be tried for an estimate -> the one whose rates it gets."""

WISHES = tuple(Wish(model=name, image_px=IMAGE_PX) for name in NETWORKS)


def calibrate(jobs: Iterable[Job], machine: Machine, facts: Mapping[str, ModelFacts], print_: str) -> tuple[Rates, ...]:
    """Rates of every kind of run that the jobs are, remembered by the environment's fingerprint."""
    found: list[Rates] = []
    for case in sorted({_kind(job.case) for job in jobs}, key=str):
        device = next((one for one in machine.devices if one.name == case.device), None)
        if device is None or case.backend not in device.backends or case.backend == "fake":
            continue
        path = _home() / f"{print_}-{case.backend}-{case.device}-{case.mode}-{case.dtype}-{case.threads}.json".replace(
            ":", "_"
        )
        if path.exists():
            found.append(codec.read(Rates, path))
        elif (rates := _measured(case, device, facts)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            codec.write(path, rates)
            found.append(rates)
    return tuple(found)


def is_worth(rough: Plan) -> bool:
    """Whether a plan's time matters: it has a budget, or is long."""
    return bool(rough.jobs) and (rough.budget_s is not None or rough.estimate_s > WORTH_S)


def rates_of(times: Iterable[tuple[ModelFacts, float, float | None]], case: Case) -> Rates | None:
    """Rates from (facts, seconds a step, seconds of compiling or None) of two networks; None where one is missing."""
    measured = list(times)
    if len(measured) != len(NETWORKS) or any(not one.flops_per_image for one, _, _ in measured):
        return None
    (one, first_s, _), (other, second_s, _) = measured
    f1, f2 = (float(facts.flops_per_image or 0.0) for facts in (one, other))
    w1, w2 = (float(facts.activations_per_image or 0.0) for facts in (one, other))
    common = f1 * w2 - f2 * w1
    per_flop, per_element = (first_s * w2 - second_s * w1) / common, (f1 * second_s - f2 * first_s) / common
    if per_flop <= 0 or per_element < 0:  # time goes with one of them alone
        per_flop, per_element = (first_s + second_s) / (f1 + f2), 0.0
    operations = sum(facts.operations or 0 for facts, _, _ in measured)
    compiling = [seconds for _, _, seconds in measured if seconds is not None]
    return Rates(
        backend=case.backend,
        device=case.device,
        mode=case.mode,
        dtype=case.dtype,
        s_per_flop=per_flop,
        s_per_element=per_element,
        compile_s_per_operation=sum(compiling) / operations if compiling and operations else None,
    )


def _kind(case: Case) -> Case:
    """What a calibration of a case has in common with it."""
    mode = "inference" if case.mode == "features" else case.mode
    return Case(
        model="",
        backend=FROM_ELSEWHERE.get(case.backend, case.backend),
        device=case.device,
        mode=mode,
        image_px=IMAGE_PX,
        dtype=case.dtype,
        param_dtype=case.param_dtype,
        layout=case.layout,
        threads=case.threads,
    )


def _measured(case: Case, device: Device, facts: Mapping[str, ModelFacts]) -> Rates | None:
    times: list[tuple[ModelFacts, float, float | None]] = []
    for name in NETWORKS:
        job = Job(
            job_id=name,
            case_id=name,
            case=dataclasses.replace(case, model=name),
            metrics=("latency", "compile"),
            sampling=SAMPLING,
            timeout_s=LIMIT_S,
        )
        for event in launch.run([job]):
            if isinstance(event, launch.Finished) and event.outcome.measurements:
                values = {one.metric: one.value for one in event.outcome.measurements}
                known = facts.get(facts_key(name, IMAGE_PX))
                if known is not None and values.get("latency"):
                    times.append((known, float(values["latency"] or 0.0), values.get("compile")))
    return rates_of(times, case)


def _home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / ROOT / "rates"
