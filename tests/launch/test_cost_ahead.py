"""A kernel's cost for a machine that is not here: what its process wrote, or why that wrote nothing."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest

from lambdabench.core import codec
from lambdabench.core.ahead import CostAhead
from lambdabench.core.kernel_times import KernelTime, Stage
from lambdabench.core.targets import target_of
from lambdabench.launch import ahead

STAGE = Stage(batch=128, side=14, scope=7)
ASKED = CostAhead(target=target_of("v4-8"), stage=STAGE, kernel="xla_dense", direction="backward")
FOUND = KernelTime(
    kind="TPU v4", origin="a model", stage=STAGE, kernel="xla_dense", direction="backward", seconds=math.inf
)


@pytest.mark.parametrize("found", [FOUND, dataclasses.replace(FOUND, seconds=0.002), None])
def test_what_the_process_wrote_or_its_last_words(monkeypatch: pytest.MonkeyPatch, found: KernelTime | None) -> None:
    def ask(errand: str, folder: Path, *, limit_s: float, environment: dict[str, Any]) -> str:
        assert (errand, limit_s, environment["TPU_ACCELERATOR_TYPE"]) == ("cost", 9.0, "v4-8")
        assert codec.read(CostAhead, folder / "request.json") == ASKED
        if found is not None:
            codec.write(folder / "answer.json", found)
        return "" if found is not None else "took over 9 s"

    monkeypatch.setattr(ahead, "ask", ask)
    assert ahead.cost_of(ASKED, limit_s=9.0) == (found or "the compiler's process took over 9 s")
