"""Two versions of a real layer in one process: more work is caught, a changed gradient is no question of speed."""

import dataclasses
import shutil
from pathlib import Path

import lambdabench
from lambdabench.core.gate_protocol import Entry, Rules
from lambdabench.core.spec import Case, options_from
from lambdabench.gate import check

LAYER = "layers/linear_attention/torch.py"
LINE = "y = context @ queries.softmax(1)"
MORE = f"""{LINE}
        for _ in range(3):
            y = y + 0 * (context @ queries.softmax(1))
        if self.training:
            y = y + 0.5 * (y - y.detach())"""
"""The same output from more work, and in training another gradient."""


def test_more_work_is_slower_and_another_gradient_is_told(tmp_path: Path) -> None:
    base, head = tmp_path / "base", tmp_path / "head"
    for path in (base, head):
        shutil.copytree(Path(lambdabench.__file__).parent, path, ignore=shutil.ignore_patterns("__pycache__"))
    text = (head / LAYER).read_text()
    assert text.count(LINE) == 1
    (head / LAYER).write_text(text.replace(LINE, MORE))
    case = Case(
        model="linear_attention",
        kind="layer",
        device="cpu",
        image_px=28,
        param_dtype="float32",
        threads=1,
        options=options_from({"dim": 64}),
    )
    entries = [
        Entry(label=mode, case=dataclasses.replace(case, mode=mode), rules=Rules()) for mode in ("inference", "train")
    ]
    pair_outcomes, controls = check.compare(entries, check.Sides(base=base, head=head), lambda stage, entry: None)
    verdict = pair_outcomes["inference"].verdict
    assert verdict is not None, pair_outcomes["inference"].reason
    assert verdict.finding == "slower"
    assert verdict.ratio > 1.1
    assert pair_outcomes["train"].trouble == "outputs"
    assert "gradient of to_queries_keys_values.weight" in pair_outcomes["train"].reason
    assert controls is not None
    assert controls.canary.ratio > 1.05
