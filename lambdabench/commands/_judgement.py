"""What predictions come to beside the classes of their images: accuracies, agreement with float32, and the rows that hold them."""

import dataclasses
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from .. import models, store
from ..analysis.published_accuracy import QUANTISING, what
from ..analysis.sample_statistics import complete
from ..core import predictions, registry
from ..core.evaluation import DATA, SUITE, WEIGHTS, Heading, Judged, Subject
from ..core.identity import case_id, fingerprint
from ..core.image_folder import ImageFolder
from ..core.predictions import Predictions
from ..core.record import Measurement, Outcome, Record, records_of
from ..core.row_flags import LIMITED
from ..core.spec import Case, Machine, options_from
from ..worker.environment import settled

METRICS = ("top1", "top5", "agreement")
EAGER, EXACT = "torch_eager", "float32"
"""How the network runs that others are held against."""
KEPT = ("case_id", "fingerprint", "metric", "value", "flags")
"""Columns that tell whether a row is there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One file of predictions with its accuracies, by metric; `broken`: images that could not be read, each with the reason."""

    heading: Heading
    measurements: tuple[Measurement, ...]
    broken: tuple[tuple[str, str], ...]

    def measurement(self, metric: str) -> Measurement | None:
        """The one of a metric; None where there is none."""
        return next((measurement for measurement in self.measurements if measurement.metric == metric), None)


def judge(folder: Path, own: Predictions, image_folder: ImageFolder) -> tuple[Judgement, ...]:
    """Of predictions that are complete, and then of all others in the folder of the same weights on the same images."""
    assert own.heading is not None
    every = [own, *(item for item in _complete(folder) if item.path != own.path)]
    like = [item for item in every if item.heading is not None and are_like(item.heading.subject, own.heading.subject)]
    exact = [item for item in like if item.heading is not None and is_reference(item.heading.subject)]
    return tuple(_judgement(item, exact, image_folder) for item in like)


def are_like(subject: Subject, other: Subject) -> bool:
    """Whether two are of one network with the same weights on the same images, however it ran."""
    same = ("model", "weights", "image_px", "data", "images")
    alike = all(getattr(subject, name) == getattr(other, name) for name in same)
    ours, theirs = (
        {key: value for key, value in what(dict(item.options)).items() if key not in QUANTISING}
        for item in (subject, other)
    )
    return alike and ours == theirs


def is_reference(subject: Subject) -> bool:
    """Whether others are held against it: torch in float32, run eagerly, as the network is written."""
    plain = what(dict(subject.options)) == dict(subject.options)
    return subject.backend == EAGER and subject.dtype == EXACT and plain


def store_rows(judged: Sequence[Judgement], machine: Machine, results: Path) -> Path | None:
    """Stores what is not there yet; the file, None where all is."""
    order, started = store.next_order(results), datetime.now(UTC)
    run_id = f"{started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"
    rows = [row for judgement in judged for row in _rows(judgement, machine, {"run_id": run_id, "run_order": order})]
    there = _there(results / SUITE)
    new = [row for row in rows if _key(row) not in there]
    if not new:
        return None
    path = store.run_path(results, SUITE, run_id)
    store.write(new, path)
    return path


def _complete(folder: Path) -> list[Predictions]:
    result = [Predictions(path=path).refresh() for path in predictions.files_in(folder)]
    return [item for item in result if item.is_complete]


def _judgement(item: Predictions, exact: Sequence[Predictions], image_folder: ImageFolder) -> Judgement:
    assert item.heading is not None
    heading = item.heading
    answers = {place: answer for place, answer in sorted(item.answers.items()) if not isinstance(answer, str)}
    judged = Judged(
        labels=tuple(image_folder.images[place][1] for place in answers),
        likeliest=tuple(answers.values()),
        classes=heading.classes,
        reference=None if is_reference(heading.subject) else _reference(heading.subject, exact, answers),
    )
    text = f"{len(answers):,} images of {heading.place}, {heading.subject.data}"
    made = [registry.load("metrics", name).answer(judged) for name in METRICS]
    return Judgement(
        heading=heading,
        measurements=tuple(dataclasses.replace(complete(known), source=text) for known in made if known is not None),
        broken=tuple((image_folder.images[place][0], reason) for place, reason in item.broken.items()),
    )


def _reference(
    subject: Subject, exact: Sequence[Predictions], answers: Mapping[int, tuple[int, ...]]
) -> tuple[int, ...] | None:
    """The likeliest class of each image in float32, on the same device where it was run there, else by the newest; None without one."""
    ranked = sorted(exact, key=_started)
    ranked.sort(key=lambda entry: entry.heading is not None and entry.heading.subject.device == subject.device)
    for item in reversed(ranked):
        likeliest = [answer[0] for place in answers if not isinstance(answer := item.answers.get(place, ""), str)]
        if len(likeliest) == len(answers):
            return tuple(likeliest)
    return None


def _started(item: Predictions) -> str:
    return item.heading.started_at if item.heading is not None else ""


def _rows(judgement: Judgement, machine: Machine, common: Mapping[str, Any]) -> tuple[Record, ...]:
    heading = judgement.heading
    environment = settled(heading.environment, machine.devices)
    case = case_of(heading)
    defaults = {**models.option_defaults(case.model), **registry.load("backends", case.backend).OPTIONS}
    outcome = Outcome(
        job_id=heading.subject.key,
        status="ok",
        flags=(LIMITED,) if heading.is_limited else (),
        started_at=heading.started_at,
        weights=heading.subject.weights,
        measurements=judgement.measurements,
        effective=heading.effective,
    )
    return records_of(
        outcome,
        **common,
        suite=SUITE,
        case_id=case_id(case, defaults),
        fingerprint=fingerprint(environment),
        replicate=0,
        case=case,
        requested_batch_size=case.batch_size,
        device_name=next((known.title for known in machine.devices if known.name == case.device), case.device),
        environment=environment,
    )


def case_of(heading: Heading) -> Case:
    """The case of an evaluation's rows: other weights, or other images, are another one."""
    text = {WEIGHTS: heading.subject.weights, DATA: heading.subject.data}
    return dataclasses.replace(heading.case, options=options_from({**dict(heading.case.options), **text}))


def _there(folder: Path) -> set[tuple[Any, ...]]:
    rows = store.newest(store.read(folder)) if folder.is_dir() else pd.DataFrame(columns=[*KEPT])
    return set(rows[[*KEPT]].itertuples(index=False, name=None))


def _key(row: Record) -> tuple[Any, ...]:
    assert row.measurement is not None
    return (row.case_id, row.fingerprint, row.measurement.metric, row.measurement.value, row.flags)
