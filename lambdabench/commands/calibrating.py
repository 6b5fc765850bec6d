"""How fast whole networks run and compile here and what memory they take, measured for a moment as ordinary jobs: for estimates only."""

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .. import launch, plan
from ..core import codec
from ..core.registry import ROOT
from ..core.spec import Case, Device, Job, Machine, ModelFacts, Plan, Rates, Sampling, Wish

NETWORKS = ("resnet50_cccc", "tf_efficientnet_b0")
"""One that multiplies much for what it writes, one that writes much for what it multiplies: others lie between them."""
IMAGE_PX = 224
SAMPLING = Sampling(case_budget_s=1.0, min_samples=4, warmup_calls=1)
LIMIT_S = 180.0
WORTH_S = 300.0
"""A run that may take so long is worth the half minute."""
FORM = 3
"""Of what is remembered; another form is measured anew."""
FROM_ELSEWHERE = {"torch_compile": "torch_eager"}
"""A backend that compiles too slowly to be tried for an estimate -> the one whose rates it gets."""

WISHES = tuple(Wish(model=name, image_px=IMAGE_PX) for name in NETWORKS)


def calibrate(
    jobs: Iterable[Job],
    machine: Machine,
    facts: Mapping[str, ModelFacts],
    print_: str,
    on_wait: Callable[[str], None],
) -> tuple[Rates, ...]:
    """Rates of every kind of run that the jobs are, remembered by the environment's fingerprint; `on_wait` hears what takes time."""
    found: list[Rates] = []
    for case in sorted({_kind(job.case) for job in jobs}, key=str):
        device = next((one for one in machine.devices if one.name == case.device), None)
        if device is None or case.backend not in device.backends or case.backend == "fake":
            continue
        path = (
            _home()
            / f"{FORM}-{print_}-{case.backend}-{case.device}-{case.mode}-{case.dtype}-{case.threads}.json".replace(
                ":", "_"
            )
        )
        if path.exists():
            found.append(codec.read(Rates, path))
            continue
        on_wait(f"for estimates, once here: {' and '.join(NETWORKS)} by {case.backend}, {case.mode}, {case.dtype}")
        if (rates := _measured(case, device, facts)) is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            codec.write(path, rates)
            found.append(rates)
    return tuple(found)


def is_worth(rough: Plan) -> bool:
    """Whether a plan's time matters: it has a budget, or is long."""
    return bool(rough.jobs) and (rough.budget_s is not None or rough.estimate_s > WORTH_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one network took: seconds a step, seconds of compiling and bytes at the peak where they are known."""

    facts: ModelFacts
    step_s: float
    compile_s: float | None = None
    peak_bytes: float | None = None


def rates_of(measured: Sequence[Taken], case: Case) -> Rates | None:
    """Rates from what the two networks took; None where one is missing."""
    if len(measured) != len(NETWORKS) or any(not one.facts.flops_per_image for one in measured):
        return None
    operations = sum(taken.facts.operations or 0 for taken in measured)
    compiling = [taken.compile_s for taken in measured if taken.compile_s is not None]
    sized = [taken for taken in measured if taken.peak_bytes is not None]
    return Rates(
        backend=case.backend,
        device=case.device,
        mode=case.mode,
        dtype=case.dtype,
        flop_s=tuple((_written(taken), taken.step_s / (taken.facts.flops_per_image or 1.0)) for taken in measured),
        compile_s_per_operation=sum(compiling) / operations if compiling and operations else None,
        element_bytes=tuple(_element_bytes(taken, case) for taken in sized) if len(sized) == len(measured) else (),
    )


def _written(taken: Taken) -> float:
    """Elements a FLOP."""
    return (taken.facts.activations_per_image or 1.0) / (taken.facts.flops_per_image or 1.0)


def _element_bytes(taken: Taken, case: Case) -> tuple[float, float]:
    """(Elements written a FLOP, bytes at the peak an element written) of a network at one image."""
    variable = (taken.peak_bytes or 0.0) - plan.kept_bytes(case, taken.facts)
    return _written(taken), max(variable, 0.0) / (taken.facts.activations_per_image or 1.0)


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
    taken: list[Taken] = []
    for name in NETWORKS:
        job = Job(
            job_id=name,
            case_id=name,
            case=dataclasses.replace(case, model=name),
            metrics=("latency", "compile", "peak_memory"),
            sampling=SAMPLING,
            timeout_s=LIMIT_S,
        )
        for event in launch.run([job]):
            if isinstance(event, launch.Finished) and event.outcome.measurements:
                values = {one.metric: one.value for one in event.outcome.measurements}
                known = plan.facts_of(job.case, facts)
                if known is not None and values.get("latency"):
                    step_s, peak_bytes = float(values["latency"] or 0.0), values.get("peak_memory")
                    taken.append(
                        Taken(facts=known, step_s=step_s, compile_s=values.get("compile"), peak_bytes=peak_bytes)
                    )
    return rates_of(taken, case)


def _home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / ROOT / "rates"
