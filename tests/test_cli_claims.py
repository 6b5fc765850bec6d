"""`lambdabench claims` as people call it: tables, JSON, bundles, plots, exit codes, bad input."""

import json
import re
from pathlib import Path

import pytest
from scripted_claims import case, records
from typer.testing import CliRunner, Result

from lambdabench import store
from lambdabench.cli.app import app
from lambdabench.commands.claims import undecided
from lambdabench.core.errors import RequestError, StoreError, UnknownNameError
from lambdabench.facts.claims import claims
from lambdabench.store import bundles


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=True, env={"COLUMNS": "150"})


@pytest.fixture
def results(tmp_path: Path) -> str:
    seconds = {
        case("resnet50_cccc", 224): 0.10,
        case("resnet50_ccll", 224, kernel="einsum"): 0.20,
        case("resnet50_llll", 224, kernel="einsum"): 0.90,
        case("resnet50_ccll", 224): 0.11,
        case("resnet50_llll", 224): 0.15,
    }
    folder = tmp_path / "results"
    folder.mkdir()
    store.write(records(seconds), folder / "a.parquet")
    return str(folder)


def test_a_row_a_claim_and_what_may_be_concluded(results: str) -> None:
    result = call("claims", "--results", results)
    assert result.exit_code == 0, result.output
    for part in (
        "arXiv 2102.08602 on a cpu (cpu)",
        "place-c4c5",
        "replicated",
        "1 of 12",
        "not measured",
        "not measurable here: it takes training",
        "amp-nchw-pt240-cu124-rtx3090",
        f"sha256 {claims().sha256}",
        "4 of 44 headline ratios",
        "nothing was measured on any GPU or TPU",
        "next  lambdabench run --suite claims --claim speedup-b7,",
    ):
        assert part in result.output, part
    lines = [line for line in result.output.splitlines() if line[:2].strip().isdigit() and line[2:4] == "  "]
    assert [line[:2].strip() for line in lines] == [str(number) for number in range(1, 11)]


def test_what_has_no_verdict_yet_has_the_command_that_gets_it(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    seconds = {
        case("resnet50_ccll", 224, kernel="einsum"): 0.2,
        case("resnet50_llll", 224, kernel="einsum"): 0.2,
        case("resnet50_ccll", 224): 0.1,
        case("resnet50_llll", 224): 0.1,
    }
    store.write(records(seconds, noise=0.2), folder / "a.parquet")
    result = call("claims", "--results", str(folder), "--claim", "place-c4c5")
    assert re.search(r"unclear; needs about \d+ more process", result.output), result.output
    assert "next  lambdabench run --suite claims --claim place-c4c5" in result.output
    assert "--patience 30m   (until each has a verdict" in result.output
    item = json.loads(call("claims", "--results", str(folder), "--claim", "place-c4c5", "--json").output)
    (missing,) = item["missing"]
    assert missing["networks"] == []
    assert missing["processes"] > 0
    planned = call("claims", "--results", str(folder), "--claim", "place-c4c5", "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert re.search(r"place-c4c5 +all, in the environment of now", planned.output), "a cpu that was scripted"


def test_a_run_for_verdicts_goes_on_until_each_has_one(results: str) -> None:
    assert undecided(Path(results), ["place-c4c5"], ["a cpu"]) == ""
    assert undecided(Path(results), ["place"], ["a cpu"]) == "no verdict yet on place-c5-free"
    assert undecided(Path(results), ["place-c4c5"], ["another"]) == "no verdict yet on place-c4c5"


def test_a_run_for_verdicts_says_how_many_processes_they_take(tmp_path: Path) -> None:
    seconds = {
        case(name, 224, **kernel): 0.1
        for name in ("resnet50_ccll", "resnet50_llll")
        for kernel in ({}, {"kernel": "einsum"})
    }
    store.write(records(seconds, noise=0.2), tmp_path / "a.parquet")
    said = undecided(tmp_path, ["place-c4c5"], ["a cpu"])
    assert re.fullmatch(r"no verdict yet on place-c4c5, about \d+ more process(es)?", said), said


def test_few_claims_show_every_condition(results: str) -> None:
    result = call("claims", "--results", results, "--claim", "place-c4c5")
    assert "● torch_eager float32 b4" in result.output
    assert "torch_compile float32 b4" in result.output
    assert "not run: resnet50_ccll@224" in result.output


def test_json_has_every_number_with_its_interval_and_the_hash(results: str) -> None:
    result = call("claims", "--results", results, "--claim", "place", "--json")
    item = json.loads(result.output)
    assert item["claims_sha256"] == claims().sha256
    assert [claim["id"] for claim in item["claims"]] == ["place-c4c5", "place-cost", "place-c5-free"]
    headline = item["claims"][0]["rows"][0]["tested"][0]
    assert headline["interval"][0] < headline["ratio"] < headline["interval"][1]
    assert item["claims"][0]["rows"][0]["finding"] == "replicated"
    (missing,) = item["missing"]
    assert missing["networks"] == ["resnet50_cccl@224"]
    assert missing["command"].startswith("lambdabench run --suite claims --claim place-c5-free")
    assert len(item["conclusions"]) == 10
    assert {witness["origin"] for witness in item["witnesses"]} == {"quoted"}


def test_nothing_measured_is_said_and_is_exit_3(tmp_path: Path) -> None:
    result = call("claims", "--results", str(tmp_path / "none"))
    assert result.exit_code == 3
    assert "nothing was measured yet" in result.output
    assert "flops-b6" in result.output
    assert "contradicted" in result.output


def test_a_bundle_there_and_back(results: str, tmp_path: Path) -> None:
    bundle = tmp_path / "z.zip"
    assert call("claims", "--results", results, "--claim", "place", "--bundle", str(bundle)).exit_code == 0
    again = call("claims", "--from", str(bundle))
    assert again.exit_code == 0, again.output
    assert "z.zip fits: every figure was derived again from its rows, and is the same" in again.output
    whole = bundles.read_bundle(bundle)
    better = json.loads(json.dumps(whole.verdicts))
    better["claims"][0]["rows"][0]["tested"][0]["ratio"] = 9.9
    bundles.write_bundle(bundle, facts=whole.facts, rules=whole.rules, verdicts=better, rows=whole.rows)
    named = call("claims", "--from", str(bundle))
    assert named.exit_code == 1
    assert "verdict: place-c4c5 is another where it is derived again" in named.output
    item = json.loads(call("claims", "--from", str(bundle), "--json").output)
    assert item["problems"] == ["verdict: place-c4c5 is another where it is derived again"]


def test_figures_and_a_page_of_them(results: str, tmp_path: Path) -> None:
    out = tmp_path / "figures"
    result = call("plot", "claims", "--results", results, "--claim", "place-c4c5", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == {
        *(f"{name}.{ending}" for name in ("summary", "place-c4c5") for ending in ("svg", "png", "csv")),
        *(f"index.{ending}" for ending in ("md", "html", "json")),
    }
    page = (out / "index.md").read_text()
    assert "![place-c4c5.svg](place-c4c5.svg)" in page
    assert f"sha256 {claims().sha256}" in page


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (("--claim", "nope"), UnknownNameError, "no claim is called 'nope'"),
        (
            ("--machine", "nope"),
            RequestError,
            "--machine: found 'nope', which is 0 of the machines of these results: a cpu \\(cpu\\)",
        ),
        (("--budget", "5m"), RequestError, "--budget: found without --dry-run"),
        (("--from", "a.zip", "--bundle", "b.zip"), RequestError, "--bundle: found beside --from"),
        (("--from", "a.zip"), StoreError, "no bundle of lambdabench claims"),
        (("--tables", "nowhere.csv"), RequestError, "nowhere.csv"),
    ],
)
def test_bad_input_is_one_line(words: tuple[str, ...], error: type[Exception], said: str, results: str) -> None:
    result = call("claims", "--results", results, *words)
    assert isinstance(result.exception, error), result.output
    assert "\n" not in str(result.exception)
    assert re.search(said, str(result.exception))
