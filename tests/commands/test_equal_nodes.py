"""Rows of a fleet as `report`, `recommend`, `plot` and `compare` take them: equal nodes are one machine, whose numbers hold how these
differ; a node that differs is named and in no number."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from lambdabench import commands, store
from lambdabench.analysis.node_tables import MEASURED_ON, NODES
from lambdabench.cli.app import app
from lambdabench.conduct import fleet_folder
from lambdabench.core.fleet import Began, Ended, Fleet, Node, Share, Submitted
from lambdabench.core.record import Record

OWN = ("levit_256", "efficientnet_b0", "vit_small_patch16_224", "convnext_tiny")
"""What each node measures beside the reference."""
SECONDS = {
    "resnet50": 0.1,
    "levit_256": 0.05,
    "efficientnet_b0": 0.02,
    "vit_small_patch16_224": 0.08,
    "convnext_tiny": 0.09,
}
FACTORS = (1.0, 1.04, 0.98)
"""By what each of three nodes takes longer than it should."""
MEAN = math.prod(FACTORS) ** (1 / 3)


@pytest.fixture
def fleet_of(make_record: Callable[..., Record], tmp_path: Path) -> Callable[..., Path]:
    """Writes a fleet of one kind whose nodes take so many times as long as they should, each in an environment that names its device."""

    def write(*factors: float) -> Path:
        nodes = tuple(Node(name=f"n{place}", kind="l4") for place in range(len(factors)))
        shares = tuple(Share(kind="l4", number=place + 1, count=len(nodes)) for place in range(len(nodes)))
        fleet = Fleet(fleet_id="f1", suite="quickstart", text="", on="slurm", nodes=nodes, shares=shares)
        home = fleet_folder.begin(tmp_path / "results", fleet)
        for node, share, factor, own in zip(nodes, shares, factors, OWN, strict=False):
            folder, run = home / share.name, f"run-{node.name}"
            fleet_folder.write_event(folder, 1, Submitted(ticket=run))
            fleet_folder.write_event(folder, 1, Began(node=node.name, host="h", process=1, run_id=run, at_s=0.0))
            fleet_folder.write_event(folder, 1, Ended(code=0, words="", at_s=1.0))
            same = {"run_id": run, "suite": "quickstart", "device_name": "an L4", "fingerprint": f"gpu-{node.name}"}
            rows = [
                make_record(metric, value, model=model, **same)
                for model in ("resnet50", own)
                for metric, value in (
                    ("latency", SECONDS[model] * factor),
                    ("throughput", 1 / (SECONDS[model] * factor)),
                )
            ]
            store.write(rows, store.run_path(folder, "quickstart", run))
        return tmp_path / "results"

    return write


def page_of(results: Path, folder: Path) -> tuple[dict[str, dict[str, object]], dict[str, list[str]]]:
    """(The cases of a suite's page by model, the page)."""
    _, _, path = commands.write_report("quickstart", results, folder)
    page = json.loads(path.read_text(encoding="utf-8"))
    rows = page["sections"][0]["rows"]
    assert len(rows) == len({row["model"] for row in rows}), "a line a network"
    return {row["model"].split(" ")[0]: row for row in rows}, page


def test_equal_nodes_are_one_machine_whose_intervals_hold_how_they_differ(
    fleet_of: Callable[..., Path], tmp_path: Path
) -> None:
    rows, page = page_of(fleet_of(*FACTORS), tmp_path)
    times = {model: row["ms a step"] for model, row in rows.items()}
    for model in ("resnet50", *OWN[:3]):
        known = times[model]
        assert isinstance(known, dict)
        assert known["value"] == pytest.approx(SECONDS[model] * MEAN), (
            "as an average node has it, whichever measured it"
        )
        assert known["covers"] == "between nodes"
        assert known["high"] / known["value"] > 1.05, "t of three nodes that differ by 3 %, and not 1 %"
    assert any(
        line.startswith("On an L4 times are those of an average node, over 3 nodes, which differ by")
        for line in page["conditions"]
    )
    assert any("an L4, over 3 nodes, batch 1" in sentence for sentence in page["answers"])


def test_the_number_is_that_of_fleet_status(fleet_of: Callable[..., Path], tmp_path: Path) -> None:
    results = fleet_of(*FACTORS)
    rows, _ = page_of(results, tmp_path)
    home, fleet = commands.find_fleet(results)
    (finding,) = commands.status(home, fleet).findings
    for case, (estimate, _) in finding.estimates.items():
        known = rows[json.loads(case)["model"]]["ms a step"]
        assert isinstance(known, dict)
        assert (known["value"], known["low"], known["high"]) == pytest.approx(
            (estimate.value, estimate.low, estimate.high)
        )


def test_a_node_that_differs_is_named_and_in_no_number(fleet_of: Callable[..., Path], tmp_path: Path) -> None:
    rows, page = page_of(fleet_of(*FACTORS, 1.5), tmp_path)
    known = rows["resnet50"]["ms a step"]
    assert isinstance(known, dict)
    assert known["value"] == pytest.approx(0.1 * MEAN)
    assert str(rows["convnext_tiny"]["status"]).startswith(
        "noisy: measured on n3 alone, which differs from the middle node of its kind"
    )
    assert any(
        line.startswith("Nodes of an L4: n3 differs from the middle node of an L4: 1.4") for line in page["conditions"]
    )
    assert any("convnext_tiny" in line for line in page["holes"])


def test_of_two_nodes_that_differ_nothing_is_said(fleet_of: Callable[..., Path], tmp_path: Path) -> None:
    rows, page = page_of(fleet_of(1.0, 1.5), tmp_path)
    assert all("nobody can tell which of them are right" in str(row["status"]) for row in rows.values())
    assert any("nothing is said of an L4" in line for line in page["conditions"])


def test_recommend_plot_and_compare_say_over_how_many_nodes(fleet_of: Callable[..., Path], tmp_path: Path) -> None:
    results = fleet_of(*FACTORS, 1.5)
    called = CliRunner().invoke(app, ["recommend", "--from", str(results), "--json"], catch_exceptions=False)
    answer = json.loads(called.output)
    assert answer["picks"][0]["latency"]["value"] == pytest.approx(0.02 * MEAN)
    assert "measured on an L4 over 3 nodes" in answer["basis"]
    assert answer["candidates"] == 4, "what n3 alone has measured is no candidate"
    assert any("n3 differs" in line for line in answer["nodes"])
    paths = commands.plot_pareto(results, None, x="throughput", y="top1", filters={}, out=tmp_path / "plot")
    points = pd.read_csv(next(path for path in paths if path.suffix == ".csv"))
    assert points.set_index("model").loc["resnet50", "throughput [image/s]"] == pytest.approx(10 / MEAN)
    moved = commands.compare_sides(str(results), str(results), results, metric="latency")
    assert "over 3 nodes" in moved.a.of_nodes[0]
    assert {NODES, MEASURED_ON} <= set(moved.a.cases)
    assert dict(zip(moved.a.cases["model"], moved.a.cases[MEASURED_ON], strict=True))["resnet50"] == 3


def test_a_run_by_itself_on_the_kind_counts_as_one_node_more(
    fleet_of: Callable[..., Path], make_record: Callable[..., Record], tmp_path: Path
) -> None:
    results = fleet_of(1.0, 1.0)
    same = {
        "run_id": "mine",
        "suite": "quickstart",
        "device_name": "an L4",
        "fingerprint": "gpu-n0",
        "model": "resnet50",
    }
    store.write([make_record("latency", 0.1, **same)], store.run_path(results, "quickstart", "mine"))
    other = {
        "run_id": "theirs",
        "suite": "quickstart",
        "device_name": "a cpu",
        "fingerprint": "cpu",
        "model": "resnet50",
    }
    store.write([make_record("latency", 0.7, **other)], store.run_path(results, "quickstart", "theirs"))
    cases = commands.compare_sides(str(results), str(results), results, metric="latency").a.cases
    by_machine = cases[cases["model"] == "resnet50"].set_index("device_name")
    assert by_machine.loc["an L4", NODES] == 3
    assert by_machine.loc["a cpu", "latency"] == pytest.approx(0.7)
    assert pd.isna(by_machine.loc["a cpu", NODES])
