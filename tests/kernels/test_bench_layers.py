"""The cases that `lambdabench check` watches, as pytest-benchmark tests: `pytest tests/kernels --benchmark-only`.

There is one list of shapes, suites/kernels-quick.toml.
"""

from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("pytest_benchmark")

from lambdabench import suite
from lambdabench.core.gate_protocol import Rules
from lambdabench.core.registry import load
from lambdabench.core.spec import Case
from lambdabench.gate.suite_cases import entries_of
from lambdabench.models import create_workload

CASES = {entry.label: entry.case for entry in entries_of(suite.load("kernels-quick"), Rules())}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_layer(benchmark: Any, case: Case) -> None:
    backend = load("backends", case.backend)
    session = backend.open_session(create_workload(case, backend.FRAMEWORK), case, 0)
    rounds = 10 if benchmark.enabled else 1
    output = benchmark.pedantic(session.call, rounds=rounds, warmup_rounds=2)
    assert session.check(output) == ""


def test_the_list_is_whole() -> None:
    """Lambda layer and four attentions, forward and training step, at four stages, one thread; self-attention not at 56 x 56."""
    assert len(CASES) == 2 * (4 * 4 + 3)
    assert {case.threads for case in CASES.values()} == {1}
    stages = {(case.image_px, dict(case.options)["dim"]) for case in CASES.values()}
    assert stages == {(56, 64), (28, 128), (14, 256), (7, 512)}
    assert not any(case.model == "self_attention" and case.image_px == 56 for case in CASES.values())
