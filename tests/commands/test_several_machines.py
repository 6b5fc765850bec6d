"""Commands over rows of two machines: apart everywhere, each answered by itself, and what moves between them beside."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lambdabench import commands, store
from lambdabench.cli.app import app
from lambdabench.core.errors import RequestError
from lambdabench.core.record import Record

SPEEDS = {
    "cpu one": {"resnet50": 30.0, "efficientnet_b0": 90.0, "levit_256": 70.0, "vit_small_patch16_224": 20.0},
    "cpu two": {"resnet50": 60.0, "efficientnet_b0": 180.0, "levit_256": 35.0, "vit_small_patch16_224": 40.0},
    "cpu three": {"resnet50": 15.0, "efficientnet_b0": 45.0, "levit_256": 35.0, "vit_small_patch16_224": 10.0},
}
"""Images a second. levit_256 takes four times as long on the second as it should; the third is half as fast as the first in all."""


def write(folder: Path, make_record: Callable[..., Record], machines: tuple[str, ...]) -> Path:
    for machine in machines:
        rows: list[Record] = []
        for model, speed in SPEEDS[machine].items():
            same = {
                "model": model,
                "device_name": machine,
                "fingerprint": machine,
                "suite": "quickstart",
                "run_id": f"run of {machine}",
            }
            rows += [make_record("latency", 1 / speed, **same), make_record("throughput", speed, **same)]
        store.write(rows, store.run_path(folder, "quickstart", machine.replace(" ", "-")))
    return folder


@pytest.fixture
def two(make_record: Callable[..., Record], tmp_path: Path) -> Path:
    return write(tmp_path / "results", make_record, ("cpu one", "cpu two"))


def call(*words: str) -> str:
    result = CliRunner().invoke(app, [*words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_a_page_says_what_moves_between_its_machines_in_all_three_texts(two: Path, tmp_path: Path) -> None:
    written = commands.report_suite("quickstart", two, tmp_path)
    markdown, page, numbers = (path.read_text(encoding="utf-8") for path in written.pages)
    (part,) = [part for part in json.loads(numbers)["sections"] if part["title"] == "Between machines"]
    rows = {row["model"]: row["cpu two over cpu one"] for row in part["rows"]}
    assert rows["resnet50"]["ratio"] == pytest.approx(2)
    assert rows["levit_256"]["ratio"] == pytest.approx(0.5)
    assert rows["geometric mean of all"]["ratio"] == pytest.approx(2**0.5)
    assert rows["resnet50"]["low"] < 2 < rows["resnet50"]["high"]
    changed = "levit_256 at batch 1 is faster than resnet50 on cpu one (70.0 to 30.0 image/s) and slower on cpu two"
    for text in (markdown, page, numbers):
        assert "Between machines" in text
        assert "2 pairs change places on cpu two" in text
        assert changed in text
        assert "lambdabench compare" in text
    assert "| geometric mean of all |" in markdown
    assert "0.500 [0.493, 0.507] ▼" in page


def test_a_page_of_one_machine_has_nothing_between(make_record: Callable[..., Record], tmp_path: Path) -> None:
    results = write(tmp_path / "results", make_record, ("cpu one",))
    assert "Between machines" not in commands.write_report("quickstart", results, tmp_path)[0].read_text()


def test_an_answer_a_machine_and_which_of_them_agree(two: Path) -> None:
    answer = json.loads(call("recommend", "--from", str(two), "--max-latency", "18ms", "--json"))
    first, second = answer["machines"]
    assert (first["machine"], first["picks"][0]["model"]) == ("cpu one", "levit_256")
    assert (second["machine"], second["picks"][0]["model"]) == ("cpu two", "resnet50")
    for each in (first, second):
        shown = {pick["model"]: pick["throughput"]["value"] for pick in each["picks"]}
        own = {model: SPEEDS[each["machine"]][model] for model in shown}
        assert shown == pytest.approx(own), "of its own machine alone"
        assert each["candidates"] == len(SPEEDS["cpu one"])
    assert [(item["name"].split(".")[0], item["first_on"]) for item in answer["first_answers"]] == [
        ("levit_256", ["cpu one"]),
        ("resnet50", ["cpu two"]),
    ]


def test_answers_are_printed_side_by_side(two: Path) -> None:
    text = call("recommend", "--from", str(two))
    assert "agree: all 2 machines answer efficientnet_b0" in text
    assert text.index("cpu one") < text.index("agree:") < text.rindex("cpu two")
    text = call("recommend", "--from", str(two), "--max-latency", "6ms")
    assert "nothing meets every limit on cpu one" in text
    assert "do not agree" in text


def test_python_gets_the_other_machines_beside_the_first(two: Path) -> None:
    advice = commands.recommend(two)
    assert [each.machine for each in advice.each] == ["cpu one", "cpu two"]
    assert {candidate.line["device_name"] for candidate in advice.found.feasible} == {"cpu one"}


def test_panels_of_machines_have_one_axis_and_their_own_fronts(two: Path, tmp_path: Path) -> None:
    call("plot", "pareto", "--results", str(two), "--out", str(tmp_path / "plot"))
    with (tmp_path / "plot" / "pareto.csv").open(encoding="utf-8") as file:
        points = list(csv.DictReader(file))
    on = {(point["device_name"], point["model"]) for point in points if point["on_front"] == "True"}
    assert on == {
        ("cpu one", "efficientnet_b0"),
        ("cpu one", "levit_256"),
        ("cpu two", "efficientnet_b0"),
        ("cpu two", "resnet50"),
        ("cpu two", "levit_256"),
    }


def test_compare_takes_several_sides(make_record: Callable[..., Record], tmp_path: Path) -> None:
    results = write(tmp_path / "results", make_record, tuple(SPEEDS))
    sides = ["cpu one", "cpu two", "cpu three"]
    text = call("compare", *sides, "--results", str(results))
    assert "cpu three over cpu one: throughput 0.500 [" in text
    assert "No two change places on cpu three" in text
    many = json.loads(call("compare", *sides, "--results", str(results), "--json"))["sides"]
    assert [side["geometric_mean"]["value"] for side in many] == pytest.approx([2**0.5, 0.5])
    assert [len(side["swaps"]) for side in many] == [2, 0]
    assert "sides" not in json.loads(call("compare", *sides[:2], "--results", str(results), "--json"))
    words = ["compare", "--at-accuracy", "lev*", "res*", "vit*", "--results", str(results)]
    assert isinstance(CliRunner().invoke(app, words).exception, RequestError)
