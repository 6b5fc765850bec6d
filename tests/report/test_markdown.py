"""The page shows every case: numbers with intervals, quoted accuracy marked, failures with their reasons."""

from pathlib import Path

import pandas as pd

from lambdabench import report
from lambdabench.core.spec import Case, Cell, Suite

SUITE = Suite(
    name="s", title="A title", source="a paper", cells=(Cell(case=Case(model="a"), grid="g"),), metrics=("latency",)
)
CASES = pd.DataFrame(
    {
        "model": ["resnet50", "levit_256"],
        "batch_size": [1, 1],
        "image_px": [224, 224],
        "dtype": ["float32"] * 2,
        "mode": ["inference"] * 2,
        "threads": [2, 2],
        "device_name": ["a cpu"] * 2,
        "fingerprint": ["f"] * 2,
        "started_at": ["2026-01-02T00:00:00"] * 2,
        "status": ["ok", "oom"],
        "reason": ["", "too big; try a smaller batch"],
        "on_front": [True, None],
        "top1": [80.38, None],
        "top1_tag": ["a1_in1k", ""],
        "top1_source": ["timm results-imagenet.csv", ""],
        "latency": [0.0523, float("nan")],
        "latency_low": [0.05, float("nan")],
        "latency_high": [0.055, float("nan")],
    }
)


def test_the_page_holds_numbers_holes_and_conditions(tmp_path: Path) -> None:
    notes = report.notes(CASES, CASES[CASES["status"] == "ok"])
    path = report.write(
        CASES, SUITE, tmp_path / "s", figures=(tmp_path / "pareto.svg", tmp_path / "pareto.png"), notes=notes
    )
    text = path.read_text()
    assert "| resnet50 ● | 224 | 1 | 80.4 q (a1_in1k) | 52.3 [50.0, 55.0] | ok |" in text
    assert "| levit_256 | 224 | 1 | – | – | oom: too big; try a smaller batch |" in text
    assert "![pareto.svg](pareto.svg)" in text
    assert "pareto.png" not in text
    assert "Measured on a cpu, float32, 2 threads, mode inference, 2026-01-02." in text
    assert "speed timed with random weights" in text


def test_rows_of_two_environments_are_said() -> None:
    mixed = CASES.assign(fingerprint=["f", "g"])
    assert any("2 environments" in line for line in report.notes(mixed, mixed))
    assert report.notes(CASES.iloc[:0], CASES.iloc[:0]) == ()


def test_notes_are_of_what_is_drawn() -> None:
    points = CASES[CASES["status"] == "ok"].assign(top1_data="")
    layer = CASES.iloc[:1].assign(model="lambda_layer", kind="layer", threads=1, started_at="2026-03-04", top1=None)
    mixed = pd.concat([CASES.assign(kind="model"), layer], ignore_index=True)
    text = "\n".join(report.notes(mixed, points))
    assert "2 threads, mode inference, 2026-01-02." in text
    assert "trained on ImageNet-1k alone" in text
    assert "lambda_layer" not in text
    taught = report.notes(mixed, points.assign(top1_data="JFT-300M"))
    assert any("more than ImageNet-1k, named with their model: JFT-300M" in line for line in taught)
    speeds = "\n".join(report.notes(mixed, points, ("latency", "throughput")))
    assert "quoted" not in speeds
    assert "Wilson" not in speeds


def test_a_network_that_only_other_weights_have_an_accuracy_of_is_named() -> None:
    told = CASES.assign(status="ok", top1=[80.38, None], top1_elsewhere=["", "fb_in22k_ft_in1k"])
    assert any("only of others (--weights best): levit_256" in line for line in report.notes(told, told.iloc[:1]))
