"""The front is found on scripted times as on real ones: few are measured, the same command goes on, and what is missing is said."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from lambdabench import commands, launch, store
from lambdabench.analysis.race import on_front
from lambdabench.backends import fake
from lambdabench.cli.app import app
from lambdabench.commands import _candidates as candidates
from lambdabench.commands._candidates import RaceRequest
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.spec import Environment, Machine
from lambdabench.launch.probe import Found
from lambdabench.suite.overrides import Overrides

WORDS = ("run", "--find-front", "--backend", "fake", "--device", "fake")
GLOBS = "levit_*,efficientnet_b0,efficientnet_b1,mobilenetv1_125,resnet26t,resnet10t"


def call(*words: str) -> Result:
    return CliRunner().invoke(app, [*WORDS, *words])


@pytest.fixture
def here(away: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, on a machine that needs no probe."""
    machine = Machine(devices=fake.find_devices(), environment=environment)
    monkeypatch.setattr(launch, "probe", lambda wishes, **_: Found(machine=machine, names=(), facts={}))
    running = sys.modules[commands.run.__module__]
    monkeypatch.setattr(running, "settled", lambda seen, devices: environment)  # its workers are on that machine too
    return away


def truth(globs: str) -> set[tuple[str, int]]:
    """The front of the script."""
    chosen = candidates.fitting(candidates.known(("imagenet-1k",)), RaceRequest(candidates=tuple(globs.split(","))))
    wanted = candidates.suite_of(chosen, Overrides(axes={"backend": ("fake",)}), ("imagenet-1k",))
    times = np.array([float(dict(cell.case.options)["latency_s"]) for cell in wanted.cells])
    fronts = on_front(-times, np.array([network.top1 for network in chosen]))
    return {(network.architecture, network.image_px) for network, is_on in zip(chosen, fronts, strict=True) if is_on}


def names_of(result: Result) -> set[tuple[str, int]]:
    return {
        (case["model"], case["image_px"]) for case in json.loads(result.stdout)["cases"] if case["on_front"] is True
    }


def test_it_finds_the_scripted_front_and_the_same_command_measures_no_more(here: Path) -> None:
    result = call("--candidates", GLOBS, "--json")
    item = json.loads(result.stdout)
    assert result.exit_code == 0, result.output
    race = item["race"]
    assert race["is_over"]
    assert race["measured"] < race["candidates"]
    assert race["front"] >= len(names_of(result)), "by figures alone; twins share one accuracy on the front"
    truly = {entry for entry in truth(GLOBS) if not entry[0].startswith("levit_conv")}  # twins of levit, slower
    assert len(names_of(result) & truly) >= 0.9 * len(truly)
    rows = store.read(here / "results" / "find-front")
    assert set(rows["suite"]) == {"find-front"}
    again = call("--candidates", GLOBS, "--json")
    assert json.loads(again.stdout)["race"]["measured"] == race["measured"]
    assert len(store.read(here / "results" / "find-front")) == len(rows)


def test_a_spent_budget_ends_it_and_the_same_command_goes_on(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = call("--candidates", GLOBS, "--budget", "1s")
    assert "! the race is not over: the same command goes on" in short.output
    begun = len(set(store.read(here / "results" / "find-front")["case_id"]))
    result = call("--candidates", GLOBS)
    assert "candidates measured" in result.output
    assert "front by latency:" in result.output
    assert "Expected still to be found among" in result.output
    assert len(set(store.read(here / "results" / "find-front")["case_id"])) > begun


def test_limits_narrow_who_races(here: Path) -> None:
    result = call(
        "--candidates", "resnet*,efficientnet*", "--max-macs", "3G", "--min-top1", "70", "--dry-run", "--json"
    )
    names = json.loads(result.stdout)["candidates"]
    assert "efficientnet_b0@224" in names
    assert not {"resnet50@224", "resnet10t@224"} & {*names}, "too large, and too inaccurate"
    assert not (here / "results").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--candidates", "rasnet50"),
            "--candidates: no published network is called 'rasnet50'; did you mean 'resnet50'",
        ),
        (("--max-latency", "25"), "--max-latency: found '25', expected a time above 0 with its unit"),
        (("--max-macs", "3"), "--max-macs: found '3', expected a count above 0 with its unit, like 3G"),
        (("--min-top1", "800"), "--min-top1: found '800', expected percent from 1 to below 100"),
        (("--min-top1", "99"), "--min-top1 99 leaves none of"),
        (("--batch-size", "1,8"), "--batch-size: found 1, 8, expected one: a race has one front"),
        (("--models", "resnet50"), "--models: found beside --find-front, expected --candidates GLOB"),
        (("--patience", "1m"), "--patience: found beside --find-front, expected --budget"),
        (("--suite", "quickstart"), "--suite, --find-front: found both, expected one"),
    ],
)
def test_what_a_race_cannot_do_is_one_line(here: Path, words: tuple[str, ...], message: str) -> None:
    item: Any = call(*words)
    assert isinstance(item.exception, LambdabenchError)
    assert item.exception.exit_code == 2
    assert message in str(item.exception)
    assert "\n" not in str(item.exception)
    assert not (here / "results").exists()


def test_flags_of_a_race_without_one_are_refused(here: Path) -> None:
    result = CliRunner().invoke(app, ["run", "--suite", "quickstart", "--min-top1", "80"])
    assert "--min-top1: found without --find-front" in str(result.exception)
    result = CliRunner().invoke(app, ["run"])
    assert "found neither, expected one, such as --suite quickstart" in str(result.exception)
