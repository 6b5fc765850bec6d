"""`fleet` as its users meet it: scripted nodes of this machine, one of which lies, a share that is killed, Ctrl-C, and what goes on."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lambdabench import store
from lambdabench.cli.app import app
from lambdabench.core.errors import RequestError, StoreError, UnknownNameError

SUITE = """
schema = 1
metrics = ["latency", "parameters"]
reference = { model = "resnet50" }
job_timeout_s = 20
[sampling]
processes = 1
rounds = 4
[defaults]
backend = "fake"
device = "fake"
[[grid]]
model = ["resnet50", "convnext_tiny", "levit_256"]
options = { latency_s = 0.01, sleep_s = SLEEP }
"""
NODES = {"LAMBDABENCH_FAKE_NODES": "fake,fake,fake:1.5"}


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["fleet", *words], env=NODES)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A fleet of three nodes, the last of which takes 1.5 times as long as it should."""
    folder = tmp_path_factory.mktemp("fleet")
    (folder / "mine.toml").write_text(SUITE.replace("SLEEP", "0.0"))
    with contextlib.chdir(folder):
        return folder, call("run", "--suite", "mine.toml")


def test_a_fleet_is_measured_and_who_lies_is_named(done: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, result = done
    monkeypatch.chdir(folder)
    assert result.exit_code == 0, result.output
    assert "3 of 3 shares done" in result.output
    assert "on fake: over 2 nodes, which differ by" in result.output
    assert "! fake2 differs from the middle node of fake: 1.50 of its value, beyond 10 %" in result.output
    rows = store.newest(store.read(folder / "results"))
    assert not rows.duplicated(["case_id", "replicate", "fingerprint", "metric"]).any()
    assert set(rows["model"]) == {"resnet50", "convnext_tiny", "levit_256"}


def test_its_status_is_told_from_files(done: tuple[Path, Result], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, result = done
    monkeypatch.chdir(folder)
    assert call("status").output in result.output
    told = json.loads(call("status", "--json").output)
    assert [share["standing"] for share in told["shares"]] == ["done"] * 3
    assert [kind["kind"] for kind in told["kinds"]] == ["fake"]
    assert call("cancel").output.startswith("told 0 shares of ")
    assert isinstance(call("status", "2027").exception, UnknownNameError)
    assert isinstance(call("status", "--results", "nothing").exception, StoreError)


def test_a_dry_run_starts_nothing(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE.replace("SLEEP", "0.0"))
    result = call("run", "--suite", "mine.toml", "--dry-run", "--nodes", "2")
    assert result.output.splitlines() == [
        "fake: 2 nodes: fake0, fake1", "", "fake-1of2", "2 cases: resnet50, convnext_tiny", "", "fake-2of2", "2 cases: resnet50, levit_256",
    ]  # fmt: skip
    assert [path.name for path in away.iterdir()] == ["mine.toml"]


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        (["--on", "kubernetes"], UnknownNameError, "--on: found 'kubernetes', expected one of local, ray, slurm"),
        (["--kinds", "l4"], RequestError, "--kinds: no node is of kind l4; there are 3 fake"),
        (["--nodes", "many"], RequestError, "--nodes: found 'many', expected how many of each kind, or all"),
        (["--budget", "soon"], RequestError, "--budget"),
        (["--device", "cuda", "--backend", "torch_eager,fake"], RequestError, "no node has a device cuda"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(words: list[str], error: type[Exception], said: str, away: Path) -> None:
    (away / "mine.toml").write_text(SUITE.replace("SLEEP", "0.0"))
    result = call("run", "--suite", "mine.toml", *words)
    assert isinstance(result.exception, error)
    assert said in str(result.exception)
    assert [path.name for path in away.iterdir()] == ["mine.toml"]


def test_a_share_that_is_killed_and_a_command_that_is_interrupted(away: Path) -> None:
    (away / "mine.toml").write_text(SUITE.replace("SLEEP", "0.02"))
    command = [sys.executable, "-m", "lambdabench", "fleet"]
    two = {**os.environ, "LAMBDABENCH_FAKE_NODES": "fake,fake"}
    with subprocess.Popen(
        [*command, "run", "--suite", "mine.toml"], env=two, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as parent:
        began = [_wait_for(away, f"fake-{number}of2") for number in (1, 2)]
        os.kill(began[0], signal.SIGKILL)
        parent.send_signal(signal.SIGINT)
        output, _ = parent.communicate(timeout=60)
    assert parent.returncode == 130, output
    assert "shares that run go on without this command" in output
    resumed = subprocess.run([*command, "resume", "--json"], env=two, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    first, second = json.loads(resumed.stdout)["shares"]
    assert (first["standing"], second["standing"]) == ("done", "done")
    assert len(first["attempts"]) == 2
    assert first["attempts"][0]["lost"]["reason"]
    assert len(second["attempts"]) == 1, "it went on by itself"
    rows = store.newest(store.read(away / "results"))
    assert not rows.duplicated(["case_id", "replicate", "fingerprint", "metric"]).any()


def _wait_for(folder: Path, share: str) -> int:
    """The process of a share's first attempt, once that has stored rows."""
    end_s = time.monotonic() + 120
    while time.monotonic() < end_s:
        if list(folder.glob(f"results/mine/fleet-*/{share}/mine/*.parquet")):
            (path,) = folder.glob(f"results/mine/fleet-*/{share}/attempts/1.began.json")
            return int(json.loads(path.read_text())["process"])
        time.sleep(0.05)
    raise AssertionError(f"{share} stored nothing in 120 s")
