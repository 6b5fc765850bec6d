"""Processes that time two versions: forks of one that has loaded torch already, and what becomes of those that crash."""

import dataclasses
import shutil
from pathlib import Path

import pytest

from lambdabench.core.gate_protocol import Entry, PairOutcome, PairRequest, Rules
from lambdabench.core.spec import Case, options_from
from lambdabench.gate import pair_workers
from lambdabench.launch import WorkerPool

CASE = Case(
    model="linear_attention",
    kind="layer",
    device="cpu",
    image_px=7,
    param_dtype="float32",
    threads=1,
    options=options_from({"dim": 16}),
)
LAYER = "layers/linear_attention/torch.py"
LINE = "y = context @ queries.softmax(1)"


@pytest.fixture
def crashing(tmp_path: Path) -> Path:
    """The package with a layer that ends its process."""
    folder = tmp_path / "head"
    shutil.copytree(pair_workers.PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / LAYER).read_text()
    assert text.count(LINE) == 1
    (folder / LAYER).write_text(text.replace(LINE, f"__import__('os').abort(); {LINE}"))
    return folder


def answers(pool: WorkerPool, head: Path, model: str) -> list[PairOutcome]:
    entry = Entry(label=model, case=dataclasses.replace(CASE, model=model), rules=Rules(cap_s=0.5))
    asked = PairRequest(base=str(pair_workers.PACKAGE), head=str(head), entries=(entry,))
    return list(pair_workers.ask(asked, lambda pair_outcome: None, pool).outcomes)


def test_a_crash_costs_its_case_and_the_next_kernel_is_measured(crashing: Path) -> None:
    with pair_workers.worker_pool() as pool:
        (lost,) = answers(pool, crashing, "linear_attention")
        (outcome,) = answers(pool, crashing, "self_attention")
        (again,) = answers(pool, crashing, "self_attention")
    assert lost.trouble == "head"
    assert lost.reason.startswith("the process ended with -6")
    for pair_outcome in (outcome, again):
        assert pair_outcome.verdict is not None, pair_outcome.reason
        assert pair_outcome.clock == "thread CPU"
        assert pair_outcome.verdict.finding in ("same", "unclear")
