"""Rows as a run in rounds of visits leaves them, with scripted seconds, of real networks' cases: what claims are judged by in tests."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from lambdabench import layers, models
from lambdabench.backends.torch_eager import OPTIONS
from lambdabench.conduct.case_state import Stay
from lambdabench.conduct.outcomes import visited_outcome
from lambdabench.core.identity import case_id, fingerprint
from lambdabench.core.record import Effective, Measurement, Outcome, Record, Visit, records_of
from lambdabench.core.spec import Case, Environment, Job, Sampling, Value, default_param_dtype, options_from

ENVIRONMENT = Environment(
    lambdabench="0.1.0+src.abc", cpu="a cpu", cpu_flags="avx2", cores=2, memory_gib=24, versions=(("torch", "2.15.0"),)
)
START_S = 1_767_225_600.0
"""2026-01-01."""


def case(
    model: str, px: int, *, batch: int = 4, mode: str = "inference", dtype: str = "float32", **changes: object
) -> Case:
    """A case on a CPU; keywords are fields of it, or options."""
    fields = {field.name for field in dataclasses.fields(Case)}
    options: dict[str, Value] = {key: value for key, value in changes.items() if key not in fields}  # pyright: ignore[reportAssignmentType]
    own = {key: value for key, value in changes.items() if key in fields}
    known = {
        "device": "cpu", "batch_size": batch, "mode": mode, "dtype": dtype, "image_px": px, "threads": 2,
        "param_dtype": default_param_dtype(dtype, mode), "options": options_from(options),
    }  # fmt: skip
    return Case(model=model, **(known | own))  # pyright: ignore[reportArgumentType]


def identity(item: Case) -> str:
    defaults = layers.option_defaults(item.model) if item.kind == "layer" else models.option_defaults(item.model)
    return case_id(item, {**defaults, **OPTIONS})


def records(
    seconds: Mapping[Case, float],
    *,
    failed: Iterable[Case] = (),
    flops: Mapping[Case, float] | None = None,
    noise: float = 0.01,
    seed: int = 0,
    processes: int = 3,
    visits: int = 3,
    environment: Environment = ENVIRONMENT,
    run_id: str = "20260101T000000Z-abcd",
    device_name: str = "a cpu",
) -> list[Record]:
    """The rows of one run: `processes` generations of `visits` rounds, every case once a round, calls of its seconds with `noise` between
    processes and a third of that between visits."""
    random = np.random.default_rng(seed)
    clock_s, rows = START_S, list[Record]()
    for generation in range(processes):
        level = {item: second * np.exp(noise * random.standard_normal()) for item, second in seconds.items()}
        made: dict[Case, list[Visit]] = {item: [] for item in seconds}
        for place in range(visits):
            for item in random.permutation(np.array(list(seconds), dtype=object)):
                calls = level[item] * np.exp(
                    noise / 3 * random.standard_normal(6) + noise / 3 * random.standard_normal()
                )
                made[item].append(
                    Visit(
                        round=generation * visits + place,
                        started_s=clock_s,
                        cold=(float(1.2 * calls[0]),),
                        seconds=tuple(map(float, calls)),
                    )
                )
                clock_s += float(1.2 * calls[0] + calls.sum()) + 0.03 + 0.05 * float(calls.sum())
        for item, own in made.items():
            rows += _rows(item, own, generation, flops or {}, environment, run_id, device_name)
    for item in failed:
        outcome = Outcome(job_id="", status="oom", reason="no memory left", started_at="2026-01-01T00:00:00.000+00:00")
        rows += records_of(outcome, **_common(item, 0, environment, run_id, device_name))
    return rows


def _rows(  # noqa: PLR0917 (of one process)
    item: Case,
    own: Sequence[Visit],
    replicate: int,
    flops: Mapping[Case, float],
    environment: Environment,
    run_id: str,
    name: str,
) -> Sequence[Record]:
    opened = Outcome(
        job_id="",
        status="ok",
        started_at="2026-01-01T00:00:00.000+00:00",
        measurements=(
            *(
                Measurement(metric="flops", unit="FLOP/image", value=value)
                for key, value in flops.items()
                if key == item
            ),
        ),
        effective=Effective(kernel=str(dict(item.options).get("kernel", ""))),
    )
    job = Job(job_id="", case_id=identity(item), case=item, metrics=("latency", "throughput"), sampling=Sampling())
    outcome = visited_outcome(Stay(job=job, opened=opened, visits=list(own)))
    return records_of(outcome, **_common(item, replicate, environment, run_id, name))


def _common(item: Case, replicate: int, environment: Environment, run_id: str, name: str) -> dict[str, object]:
    return {
        "run_id": run_id,
        "run_order": 1,
        "suite": "claims",
        "case_id": identity(item),
        "fingerprint": fingerprint(environment),
        "replicate": replicate,
        "case": item,
        "requested_batch_size": item.batch_size,
        "device_name": name,
        "environment": environment,
    }
