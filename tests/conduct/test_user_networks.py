"""A run tells a user's networks apart by what its workers imported, and looks for the same case next time."""

import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lambdabench.backends import fake
from lambdabench.conduct import user_networks
from lambdabench.core import caches, sources
from lambdabench.core.identity import case_id
from lambdabench.core.record import Outcome
from lambdabench.core.spec import Case, Cell, Job, ModelFacts, Sampling, Suite
from lambdabench.core.visit_protocol import Asked
from lambdabench.worker.open_cases import OpenCases

LAZY = "import importlib\n\ndef make():\n    return importlib.import_module('blo' + 'cks')\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "net.py").write_text(LAZY)
    (tmp_path / "blocks.py").write_text("depth = 1")
    yield tmp_path
    for name in ("net", "blocks"):
        sys.modules.pop(name, None)


def suite() -> Suite:
    case = Case(model="net:make", backend="fake", device="fake", image_px=8, threads=1, param_dtype="float32")
    hashed = dataclasses.replace(case, model_hash=sources.source_hash(case.model))
    return Suite(name="s", cells=(Cell(case=hashed, grid="g"),), metrics=("latency",))


def planned(facts: dict[str, ModelFacts] | None = None) -> tuple[Job, user_networks.Seen]:
    seen = user_networks.seen_of(suite(), facts or {})
    (cell,) = user_networks.settled(suite(), seen).cells
    identity = case_id(cell.case)
    return Job(job_id="j", case_id=identity, case=cell.case, metrics=("latency",), sampling=Sampling()), seen


def measured(job: Job, folder: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str = "") -> Outcome:
    """What an open case says at its end whose network was made; `meanwhile` blocks.py is saved anew."""

    def create(case: Case, framework: str) -> Any:
        return SimpleNamespace(network=__import__("net").make(), weights="random")

    monkeypatch.setattr(fake, "FRAMEWORK", "torch")
    held = OpenCases(create)
    held.answer(Asked(what="open", job_id=job.job_id, job=job))
    if meanwhile:
        (folder / "blocks.py").write_text(meanwhile)
    outcome = held.answer(Asked(what="close", job_id=job.job_id)).outcome
    assert outcome is not None
    assert outcome.status == "ok", outcome.reason
    return outcome


def test_what_is_imported_at_run_time_tells_cases_apart_and_is_resumed(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, seen = planned()
    ran = user_networks.as_imported(job, measured(job, here, monkeypatch), seen, {})
    assert ran.case_id != job.case_id, "its row says what it was made of"
    again, seen = planned()
    assert again.case_id == ran.case_id, "and the next run looks for that row"
    assert user_networks.as_imported(again, measured(again, here, monkeypatch), seen, {}) == again
    (here / "blocks.py").write_text("depth = 30")
    assert planned()[0].case_id not in (ran.case_id, job.case_id)


def test_a_file_saved_while_its_network_is_measured_counts_as_it_was(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, seen = planned()
    before = sources.source_hash("net:make", sources.digests([str(here / "blocks.py")]))
    outcome = measured(job, here, monkeypatch, meanwhile="depth = 30")
    assert user_networks.as_imported(job, outcome, seen, {}).case.model_hash == before
    assert planned()[0].case.model_hash != before


def test_what_the_probe_saw_imported_counts_before_the_first_run(here: Path) -> None:
    alone, _ = planned()
    names = tuple(sources.digests([str(here / "blocks.py")]).items())
    facts = {"net:make": ModelFacts(name="net:make", family="user", native_px=8, sources=names)}
    assert planned(facts)[0].case_id != alone.case_id


def test_without_a_cache_nothing_is_resumed_and_nothing_is_stale(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "write", lambda path, value: False)
    job, seen = planned()
    ran = user_networks.as_imported(job, measured(job, here, monkeypatch), seen, {})
    assert planned()[0].case_id == job.case_id != ran.case_id


def test_networks_known_by_name_stay_what_they_are(here: Path) -> None:
    case = Case(model="resnet50", device="cpu", image_px=8, threads=1, param_dtype="float32")
    wanted = Suite(name="s", cells=(Cell(case=case, grid="g"),), metrics=("latency",))
    assert user_networks.settled(wanted, user_networks.seen_of(wanted, {})) == wanted
    job = Job(job_id="j", case_id=case_id(case), case=case, metrics=(), sampling=Sampling())
    assert user_networks.as_imported(job, Outcome(job_id="j", status="ok"), {}, {}) == job
