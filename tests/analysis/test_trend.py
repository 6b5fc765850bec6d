"""Levels over stored runs: the run that moved first is named with what changed with it, and nothing is named where nothing moved."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import lambdabench as lb
from lambdabench import commands, store
from lambdabench.analysis import trend
from lambdabench.analysis.trend import FEWEST, History, Session
from lambdabench.cli.app import app
from lambdabench.core.errors import BaselineError, NothingMeasuredError

RUNS = 12
SLOWER_FROM = 7


def history(ratios: list[float], conditions: list[dict[str, str]]) -> History:
    """A history of given ratios."""
    sessions = [
        Session(run_id=f"r{number}", started_at=f"2026-11-{number + 1:02}T00:00:00", ratio=ratio, conditions=condition)
        for number, (ratio, condition) in enumerate(zip(ratios, conditions, strict=True))
    ]
    return History(label="lambda_resnet50 b=1", anchor="resnet50", sessions=tuple(sessions))


def test_the_first_run_that_moved_is_named_with_what_changed_with_it() -> None:
    noise = np.exp(np.random.default_rng(0).normal(0, 0.004, RUNS))
    ratios = [float(value * (1.06 if number >= SLOWER_FROM else 1)) for number, value in enumerate(noise)]
    conditions = [{"torch": "2.14" if number < SLOWER_FROM else "2.15", "cpu": "same"} for number in range(RUNS)]
    (move,) = history(ratios, conditions).moves()
    assert (move.place, move.session.run_id) == (SLOWER_FROM, f"r{SLOWER_FROM}")
    assert move.change == pytest.approx(1.06, abs=0.01)
    assert move.factors == ("torch 2.14 → 2.15",)
    assert "slower from r7 on; with it changed torch 2.14 → 2.15" in trend.words(move)


def test_noise_and_one_outlier_are_no_move_and_few_runs_say_nothing() -> None:
    generator = np.random.default_rng(1)
    still = [float(value) for value in np.exp(generator.normal(0, 0.01, 40))]
    still[20] *= 1.3
    assert history(still, [{}] * 40).moves() == ()
    assert history([1.0] * (FEWEST - 1), [{}] * (FEWEST - 1)).moves() == ()
    drifting = [1.0, 1.001, 1.0, 1.011, 1.01, 1.012]
    assert history(drifting, [{}] * 6).moves() == ()


@pytest.fixture
def runs(away: Path) -> Path:
    """A folder of runs of one suite; from one on a model is 10 % slower, with another version of the code."""
    lb.run("fake", models="resnet50,efficientnet_b0", batch_size=1)
    (first,) = away.glob("results/fake/*.parquet")
    rows = store.read(first)
    generator = np.random.default_rng(2)
    for number in range(RUNS):
        is_slow = number >= SLOWER_FROM
        later = rows.assign(run_id=f"2026112{number:02}T000000Z-aaaa", started_at=f"2026-11-{number + 1:02}T00:00:00Z")
        later["env_lambdabench"] = "0.2.0" if is_slow else "0.1.0"
        factor = 1.1 if is_slow else 1.0
        is_model = (later["model"] == "efficientnet_b0") & (later["metric"] == "latency")
        sizes = later.loc[is_model, "visit_values"].map(len)
        scaled = [
            np.asarray(values) * factor * np.exp(generator.normal(0, 0.003, size))
            for values, size in zip(later.loc[is_model, "visit_values"], sizes, strict=True)
        ]
        later.loc[is_model, "visit_values"] = pd.Series(scaled, index=later.index[is_model])
        later.to_pickle(away / f"{number}.pkl")
    return away


def test_of_stored_rows_the_ratio_to_the_reference_within_each_run_is_followed(runs: Path) -> None:
    rows = pd.concat([pd.read_pickle(path) for path in sorted(runs.glob("*.pkl"), key=lambda path: int(path.stem))])
    (known,) = trend.histories(rows.reset_index(drop=True), "resnet50")
    assert known.anchor == "resnet50"
    assert len(known.sessions) == RUNS
    (move,) = known.moves()
    assert move.place == SLOWER_FROM
    assert move.change == pytest.approx(1.1, abs=0.01)
    assert move.factors == ("code 0.1.0 → 0.2.0",)


def test_sessions_of_the_baseline_are_followed_drawn_and_told(away: Path) -> None:
    lines = [
        {
            "at": f"2026-11-{number + 1:02}",
            "fingerprint": "f",
            "environment": {"torch": "2" if number > 5 else "1"},
            "ratios": {"kernel a": 1.08 if number > 5 else 1.0, "kernel b": 2.0},
        }
        for number in range(RUNS)
    ]
    path = away / "perf.jsonl"
    path.write_text("".join(pd.Series(line).to_json() + "\n" for line in lines))
    checked = CliRunner().invoke(app, ["check", "--history", str(path)])
    assert checked.exit_code == 1, checked.output
    assert "2 cases · 1 moved · 1 slower now" in checked.output
    assert "8.0% slower from 2026-11-07 on; with it changed torch 1 → 2" in checked.output
    drawn = CliRunner().invoke(app, ["plot", "trend", "--results", str(path), "--out", str(away / "out")])
    assert drawn.exit_code == 0, drawn.output
    numbers = pd.read_csv(away / "out" / "trend.csv")
    assert set(numbers["level"]) == {1, 2}
    assert (away / "out" / "trend.svg").exists()


def test_too_few_runs_are_said(away: Path) -> None:
    lb.run("fake", models="resnet50,efficientnet_b0", batch_size=1)
    with pytest.raises(NothingMeasuredError, match="the most runs of one case are 1: a change of level takes 6"):
        commands.history_of(Path("results"), None)
    with pytest.raises(BaselineError, match="there is no baseline nowhere"):
        commands.history_of(Path("nowhere.jsonl"), None)
