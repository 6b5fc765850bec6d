"""A user's own network in a run: cases are told apart by all files of its own that it is made of, those too that only the process which
imports them can name."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

from ..core import caches, callables, sources
from ..core.identity import case_id
from ..core.record import Outcome
from ..core.spec import Case, Job, ModelFacts, Suite, Value
from ..plan import defaults_of

Seen = Mapping[str, Mapping[str, str]]
"""Model -> files that were imported for it -> their digests."""


def refuse_absent(wanted: Suite) -> None:
    """Raises SuiteError for a network of the suite's user that certainly is not where it is said to be."""
    for model in dict.fromkeys(cell.case.model for cell in wanted.cells if cell.case.model_hash):
        callables.refuse_absent(model)


def seen_of(wanted: Suite, facts: Mapping[str, ModelFacts]) -> dict[str, dict[str, str]]:
    """What the probe, and earlier runs of the same sources, saw imported for the suite's own networks, as these files are now."""
    result: dict[str, dict[str, str]] = {}
    for model in {cell.case.model for cell in wanted.cells if cell.case.model_hash}:
        earlier = caches.read(tuple[str, ...], _place(model)) or ()
        text = {path: digest for fact in facts.values() if fact.name == model for path, digest in fact.sources}
        result[model] = sources.digests(earlier) | text
    return result


def settled(wanted: Suite, seen: Seen) -> Suite:
    """The suite with cases whose hashes take in what was seen imported."""
    hashes = {model: sources.source_hash(model, files) for model, files in seen.items()}
    cells = (
        dataclasses.replace(cell, case=_rehashed(cell.case, hashes[cell.case.model]))
        if cell.case.model in hashes
        else cell
        for cell in wanted.cells
    )
    return dataclasses.replace(wanted, cells=tuple(cells))


def as_imported(job: Job, outcome: Outcome, seen: Seen, defaults: Mapping[str, Mapping[str, Value]]) -> Job:
    """The job as the case that was measured: by the files that its worker imported, as they were then. What it imported beyond those
    that were known is remembered, so that the next run looks for this case."""
    known, result = seen.get(job.case.model, {}), dict(outcome.sources)
    if not job.case.model_hash or not result:
        return job
    case = _rehashed(job.case, sources.source_hash(job.case.model, {**known, **result}))
    if case == job.case:
        return job
    caches.write(_place(job.case.model), tuple(sorted({*known, *result})))
    return dataclasses.replace(job, case=case, case_id=case_id(case, defaults_of(case, defaults)))


def _rehashed(case: Case, model_hash: str) -> Case:
    return dataclasses.replace(case, model_hash=model_hash)


def _place(model: str) -> Path:
    """The file that remembers for a network as its sources read now."""
    name = f"{Path.cwd()}\n{model}\n{sources.source_hash(model)}"
    return caches.folder() / "sources" / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"
