"""The page shows every case: numbers with intervals, quoted accuracy marked, failures with their reasons."""

import pandas as pd

from lambdabench import report
from lambdabench.analysis import published_accuracy
from lambdabench.core.spec import Case, Cell, Suite
from lambdabench.report import markdown

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
        "top1_low": [80.03, None],
        "top1_high": [80.73, None],
        "top1_origin": ["quoted", None],
        "top1_tag": ["a1_in1k", ""],
        "top1_source": ["timm results-imagenet.csv", ""],
        "latency": [0.0523, float("nan")],
        "latency_low": [0.05, float("nan")],
        "latency_high": [0.055, float("nan")],
    }
)


def test_the_page_holds_numbers_holes_and_conditions() -> None:
    notes = report.notes(CASES, CASES[CASES["status"] == "ok"])
    text = markdown.render(report.page(CASES, SUITE, report.Beside(figures=("pareto.svg",), notes=notes)))
    assert "| resnet50 ● | 224 | 1 | 80.4 ±0.4 q (a1_in1k) | 52.3 [50.0, 55.0] | ok |" in text
    assert "| levit_256 | 224 | 1 | – | – | oom: too big; try a smaller batch |" in text
    assert "![pareto.svg](pareto.svg)" in text
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
    rows = CASES.assign(status="ok", top1=[80.38, None], top1_missing=[None, published_accuracy.NO_WEIGHTS])
    assert any("only of others (--weights best): levit_256" in line for line in report.notes(rows, rows.iloc[:1]))


def test_by_what_fronts_are_apart_is_said_and_how_to_have_one() -> None:
    points = CASES.assign(status="ok", model="resnet50", backend=["torch_eager", "torch_compile"], options="{}")
    text = "\n".join(report.notes(points, points))
    assert (
        "A front each of backend (torch_compile, torch_eager): other programs or machines; --across backend draws one."
        in text
    )
    assert "2 threads, torch_compile and torch_eager, mode inference" in text
    joined = "\n".join(report.notes(points, points, across=("backend",)))
    assert "Fronts are over backend (torch_compile, torch_eager), as asked for." in joined
    assert "A front each" not in joined
    machines = points.assign(backend="torch_eager", device_name=["a cpu", "a gpu"])
    assert "A front each of machine (a cpu, a gpu): other programs or machines." in "\n".join(
        report.notes(machines, machines)
    )


def test_in_what_environments_differ_is_said() -> None:
    mixed = CASES.assign(fingerprint=["f00d5eed", "beefbeef"], env_torch=["2.14.0", "2.15.0"], env_cpu="a cpu")
    assert (
        "Rows of 2 environments are shown; each has a front of its own (env f00d5e, env beefbe): "
        "they differ in torch (2.14.0, 2.15.0)."
    ) in report.notes(mixed, mixed)


def test_a_hole_is_named_with_what_tells_it_from_what_is_shown() -> None:
    both = CASES.assign(model="resnet50", backend=["torch_eager", "torch_compile"], options=["{}", '{"fold":true}'])
    assert "Not shown: resnet50 batch 1 (torch_compile, fold=true): oom: too big; try a smaller batch." in report.notes(
        both, both.iloc[:1]
    )


def test_scripted_times_are_said_to_be_a_script() -> None:
    scripted = CASES.assign(backend="fake", env_torch="2.15.0")
    text = "\n".join(report.notes(scripted, scripted.iloc[:1]))
    assert "Times of the backend fake are a script: nothing was measured." in text
    assert "torch 2.15.0" not in text


def page_of(cases: pd.DataFrame) -> list[str]:
    return markdown.render(report.page(cases, SUITE, report.Beside(notes=("A condition.",)))).splitlines()


def test_all_in_which_cases_differ_has_a_column() -> None:
    other = {"backend": "torch_compile", "dtype": "bfloat16", "device_name": "a gpu", "options": '{"kernel":"conv2d"}'}
    plain = CASES.iloc[:1].assign(backend="torch_eager", options='{"kernel":"cpu"}', devices=1)
    text = page_of(pd.concat([plain, plain.assign(**other)], ignore_index=True))
    assert "| model | machine | backend | dtype | options | px | batch | top-1 % | ms a step | status |" in text
    assert (
        "| resnet50 ● | a cpu | torch_eager | float32 | kernel=cpu | 224 | 1 | 80.4 ±0.4 q (a1_in1k) | 52.3 [50.0, 55.0] | ok |"
        in text
    )
    assert any(
        line.startswith("| resnet50 ● | a gpu | torch_compile | bfloat16 | kernel=conv2d | 224 |") for line in text
    )


def test_memory_has_its_range_over_processes() -> None:
    gib = 2.0**30
    memory = {"peak_memory": gib, "peak_memory_least": 0.9 * gib, "peak_memory_most": 1.2 * gib}
    text = page_of(CASES.iloc[:1].assign(**memory))
    assert any("| 1.00 (0.900 to 1.20) | ok |" in line for line in text)
    assert any("(least to most): of several processes" in line for line in text)


def test_benchmarks_have_a_page_without_what_networks_have() -> None:
    tests = CASES.assign(kind="test", model=["t.py::test_a", "t.py::test_b[x|y]"], image_px=0, latency=[2.5e-6, None])
    tests = tests.assign(latency_low=[2.4e-6, None], latency_high=[2.6e-6, None])
    text = page_of(tests)
    assert "| test | time of a call | status |" in text
    assert "| t.py::test_a | 2.5 µs [2.4 µs, 2.6 µs] | ok |" in text
    assert "| t.py::test_b[x\\|y] | – | oom: too big; try a smaller batch |" in text
    assert not any("fresh process per model" in line for line in text)
