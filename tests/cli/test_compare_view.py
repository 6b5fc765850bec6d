"""`compare` as people meet it: conditions before networks, one line for what is wrong, and exit codes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lambdabench import store
from lambdabench.cli.app import app
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.record import Record

HEAD = "model,image_px,throughput,batch_size\n"


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["compare", *words])


@pytest.fixture
def tables(away: Path) -> Path:
    """Thirty networks that are all twice as fast in b.csv, but for one family and one network."""
    a = {f"net{place}": 100.0 + place for place in range(30)} | {f"slow_{name}": 50.0 for name in "abc"}
    b = {name: 2 * speed * (0.7 if name.startswith("slow") else 1.0) for name, speed in a.items()} | {"net3": 300.0}
    for name, speeds, batch in (("a", a, 1), ("b", b, 2)):
        lines = [f"{model},224,{speed},8" for model, speed in speeds.items()]
        lines += [f"only_{name},224,1,8", f"other,224,1,{batch}"]
        (away / f"{name}.csv").write_text(HEAD + "\n".join(lines))
    return away


def test_two_tables(tables: Path) -> None:
    result = call("a.csv", "b.csv")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "compare  A a.csv → B b.csv   throughput, B over A · 33 pairs at equal batch"
    assert lines[1] == "differs  what a.csv and b.csv ran on and with, no column tells"
    assert lines[2] == "left out 1 at other batches · 1 only in A · 1 only in B"
    assert lines[3].startswith("shift    2.000x [2.000x, 2.000x]")
    assert "4 of 33 moved by more than 1.100x beside the shift" in lines
    moved = [line.split() for line in lines if line.startswith(("net3", "slow_a"))]
    assert moved[0] == ["net3", "224", "8", "103", "300", "2.913", "1.46", "faster"]
    assert moved[1] == ["slow_a", "224", "8", "50.0", "70.0", "1.400", "0.70", "slower"]
    assert ["slow", "3", "3", "0.700", "slower"] in [line.split() for line in lines]
    assert len(call("a.csv", "b.csv", "--show", "all").output.splitlines()) == 29 + len(lines)


def test_names_of_others_move_no_cursor(away: Path) -> None:
    lines = [f"net{place},224,{100 + place},8" for place in range(6)]
    for name, last in (("a", 1), ("b", 9)):
        (away / f"{name}.csv").write_text(HEAD + "\n".join([*lines, f"net:\x1b[31m,224,{last},8"]))
    result = call("a.csv", "b.csv")
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert "net:\\u001b[31m" in result.output
    assert "\x1b" not in json.dumps(json.loads(call("a.csv", "b.csv", "--json").output), ensure_ascii=False)


def test_why_a_side_has_no_number_and_at_which_batch(make_record: Callable[..., Record], away: Path) -> None:
    a = [make_record("throughput", 10.0, dtype=name, case_id=name, run_id="a") for name in ("float32", "bfloat16")]
    lost = make_record(None, dtype="bfloat16", case_id="bfloat16", run_id="b", status="oom", reason="no memory")
    store.write(a, away / "results" / "s" / "a.parquet")
    store.write(
        [make_record("throughput", 5.0, case_id="float32", run_id="b"), lost], away / "results" / "s" / "b.parquet"
    )
    result = call("a", "b")
    assert "left out 0 at other batches · 0 only in A · 0 only in B · 1 without a number in B" in result.output
    assert "no number in B: resnet50 at 224 px, batch 1, oom: no memory" in result.output
    assert "0.500x [under six pairs: no interval]" in result.output


def test_as_json(tables: Path) -> None:
    item = json.loads(call("a.csv", "b.csv", "--json").output)
    assert item["shift"]["value"] == pytest.approx(2.0)
    assert item["counts"] == {
        "equal_batch": 33,
        "other_batch": 1,
        "only_a": 1,
        "only_b": 1,
        "without_number": 0,
        "behind_newer": [0, 0],
    }
    assert sum(pair["moved"] for pair in item["pairs"]) == item["moved"] == 4
    assert [family["name"] for family in item["families"]] == ["slow"]


def test_nothing_moved_between_a_run_and_itself(make_record: Callable[..., Record], away: Path) -> None:
    rows = [make_record("throughput", 10.0 * place, model=f"net{place}") for place in range(1, 8)]
    store.write(rows, away / "results" / "s" / "run1.parquet")
    result = call("latest", "run1")
    assert result.exit_code == 0, result.output
    assert (
        "differs  nothing that is known: code, libraries, driver, device, clock, layout and threads are the same"
        in result.output
    )
    assert "shift    1.000x [1.000x, 1.000x]" in result.output
    assert result.output.rstrip().endswith("nothing moved beside what all share")


def test_at_accuracy(make_record: Callable[..., Record], away: Path) -> None:
    speeds = {"tf_efficientnet_b0": (224, 80.0), "tf_efficientnet_b2": (260, 20.0), "lambda_resnet50": (160, 100.0)}
    rows = [make_record("throughput", value, model=model, image_px=px) for model, (px, value) in speeds.items()]
    store.write(
        [*rows, make_record("throughput", 40.0, model="lambda_resnet101", image_px=160)], away / "results" / "a.parquet"
    )
    result = call("--at-accuracy", "lambda_*", "tf_*", "--top1", "79.5,90")
    assert result.exit_code == 0, result.output
    assert "compare  A lambda_* (2) over B tf_* (2) at equal accuracy · batch 1" in result.output
    assert "outside of a curve" in result.output
    assert "geometric mean" in result.output
    assert "curves: A 79.20 to 80.80 %, B " in result.output
    (setting,) = json.loads(call("--at-accuracy", "lambda_*", "tf_*", "--json").output)["settings"]
    assert setting["mean"]["value"] > 1
    assert setting["at"][0]["value"] is None


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("a.csv", "gone.csv"), 2, "gone.csv is not there"),
        (("a.csv", "strange.csv"), 2, "strange.csv: found columns name, fps; expected timm's"),
        (("a.csv", "b.csv", "--top1", "80"), 2, "--top1: found without --at-accuracy"),
        (("a.csv", "b.csv", "--show", "none"), 2, "--show: found 'none', expected one of all"),
        (("--at-accuracy", "a*", "b*", "--top1", "120"), 2, "--top1: found '120', expected percents"),
        (("a.csv", "empty.csv"), 3, "has no rows"),
        (("a.csv", "b.csv", "--metric", "latency"), 3, "a.csv has no number of latency; it has throughput"),
        (("--at-accuracy", "a*", "b*"), 2, "results is neither a file nor a folder"),
        (("a.csv", "far.csv"), 4, "no network has a number on both sides at equal batch"),
    ],
)
def test_what_cannot_be_compared_is_one_line(words: tuple[str, ...], code: int, said: str, tables: Path) -> None:
    Path("strange.csv").write_text("name,fps\nnet1,5\n")
    Path("empty.csv").write_text(HEAD)
    Path("far.csv").write_text(f"{HEAD}net1,224,5,1\n")
    result = call(*words)
    assert isinstance(result.exception, LambdabenchError), result.output
    assert said in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.exception.exit_code == code


def test_the_program_itself_ends_so(tables: Path) -> None:
    program = [sys.executable, "-m", "lambdabench", "compare", "a.csv"]
    done = subprocess.run([*program, "b.csv"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    bad = subprocess.run([*program, "gone"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stderr.count("\n")) == (2, 1)


def test_help_tells_both_ways_and_the_exit_codes() -> None:
    result = CliRunner().invoke(app, ["compare", "--help"], env={"COLUMNS": "200"})
    for word in (
        "--at-accuracy",
        "--top1",
        "--metric",
        "latest",
        "previous",
        ".csv",
        "3 nothing measured",
        "4 nothing",
    ):
        assert word in result.output
