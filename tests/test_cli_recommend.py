"""`lambdabench recommend` on committed rows and on a table: picks, reasons, exit codes, bad input."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lambdabench.cli.app import app
from lambdabench.core.errors import NothingMeasuredError, RequestError, UnknownNameError

REFERENCE = Path(__file__).parents[1] / "results" / "reference" / "epyc-2-cores"
TABLE = """model,image_px,throughput,batch_size
resnet50,224,1000,64
levit_256.fb_dist_in1k,224,4000,64
nobody_knows,224,9000,64
"""


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["recommend", *words], catch_exceptions=True)


def test_the_most_accurate_under_a_limit_with_the_front_behind_it() -> None:
    result = call("--from", str(REFERENCE), "--max-latency", "25ms", "--json")
    assert result.exit_code == 0, result.output
    item = json.loads(result.output)
    assert item["objective"] == "accuracy"
    assert item["picks"][0]["model"] == "levit_256"
    latencies = [pick["latency"]["value"] for pick in item["picks"]]
    assert latencies == sorted(latencies, reverse=True)
    assert all(pick["latency"]["high"] <= 0.025 for pick in item["picks"] if pick["fit"] == "sure")
    (out,) = item["ruled_out"]
    assert out["miss"] > 1
    (change,) = item["changes"]
    assert change["flag"] == "--max-latency"
    assert change["value"] > 0.025


def test_what_is_printed_says_reasons_basis_and_what_to_do() -> None:
    result = call("--from", str(REFERENCE), "--min-top1", "79", "--license", "permissive", "--price", "0.80/h")
    assert result.exit_code == 0, result.output
    for part in (
        "fastest",
        "most accurate",
        "a million images",
        "ruled out of 12:",
        "by licence",
        "basis: 12 networks",
    ):
        assert part in result.output
    assert "confirm: lambdabench evaluate" in result.output


def test_nothing_that_meets_all_is_said_with_the_nearest() -> None:
    result = call("--from", str(REFERENCE), "--min-top1", "90")
    assert result.exit_code == 3
    assert "nothing measured meets every limit" in result.output
    assert "nearest convnext_tiny" in result.output


def test_a_published_table_is_named_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "speeds.csv").write_text(TABLE)
    result = call("--from", str(tmp_path / "speeds.csv"), "--min-top1", "80")
    assert result.exit_code == 0, result.output
    assert "levit_256" in result.output
    assert "3 networks of speeds.csv, none of them measured here" in result.output
    assert "1 not accurate enough (1 unknown)" in result.output
    assert "confirm: lambdabench run" in result.output


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (["--max-latency", "25"], RequestError, "expected a time above 0 with its unit"),
        (["--max-memory", "2"], RequestError, "expected an amount above 0 with its unit"),
        (["--min-top1", "0.8"], RequestError, "expected percent from 1 to below 100"),
        (["--min-throughput", "many"], RequestError, "expected images a second"),
        (["--price", "0.80"], RequestError, "expected a price of an hour"),
        (["--license", "gpl"], UnknownNameError, "no licence is called 'gpl'"),
        (["--train-data", "jft"], RequestError, "expected one of imagenet-1k"),
    ],
)
def test_bad_input_is_one_line(words: list[str], error: type[Exception], text: str) -> None:
    result = call("--from", str(REFERENCE), *words)
    assert isinstance(result.exception, error)
    assert text in str(result.exception)


def test_with_nothing_measured_the_race_is_named(tmp_path: Path) -> None:
    result = call("--from", str(tmp_path), "--max-latency", "25ms")
    assert isinstance(result.exception, NothingMeasuredError)
    assert "lambdabench run --find-front --max-latency 25ms" in str(result.exception)
