"""`doctor` on the command line: what it prints, and its exit codes."""

import signal
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from lambdabench import doctor
from lambdabench.cli.app import app
from lambdabench.conduct import Stop
from lambdabench.doctor import Diagnosis

LOAD = Diagnosis(level="ok", topic="load", text="0.1 on 2 cores")
RATIOS = Diagnosis(level="ok", topic="ratios", text="to 2.1 % in a run as long as quickstart (derived: ...)")
BROKEN = Diagnosis(level="FAIL", topic="turns", text="resnet18: crash: no kernel image", remedy="mend it")


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """What `doctor` comes to where real turns find these, or hear a signal."""

    def asked(*diagnosis: Diagnosis, heard: int = 0) -> Any:
        def measured(stop: Stop) -> tuple[Diagnosis, ...]:
            stop.signal = heard
            return diagnosis

        monkeypatch.setattr(doctor, "diagnose", lambda: (LOAD,))
        monkeypatch.setattr(doctor, "measured", measured)
        return CliRunner().invoke(app, ["doctor"])

    return asked


def test_it_says_what_a_run_could_tell_and_ends_well(ask: Callable[..., Any]) -> None:
    item = ask(RATIOS)
    assert item.exit_code == 0
    assert "measuring real turns for 20 s; Ctrl-C ends them" in item.stderr
    assert "to 2.1 % in a run as long as quickstart" in item.stdout
    assert "fit for: latency, throughput, memory, and ratios." in item.stdout


def test_what_cannot_be_measured_at_all_is_exit_code_1(ask: Callable[..., Any]) -> None:
    item = ask(BROKEN)
    assert item.exit_code == 1
    assert "fit for: nothing until the FAIL lines are mended." in item.stdout


def test_ctrl_c_tells_what_was_seen_and_is_exit_code_130(ask: Callable[..., Any]) -> None:
    item = ask(RATIOS, heard=signal.SIGINT)
    assert item.exit_code == 130
    assert "to 2.1 %" in item.stdout
