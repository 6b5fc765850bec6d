"""Figures of a folder in which more than one thing was measured."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis import table
from lambdabench.analysis.estimate import Estimate
from lambdabench.analysis.resolution import Control, Resolution
from lambdabench.cli import run_view
from lambdabench.commands.frames import pareto_frame
from lambdabench.core.errors import UnknownNameError
from lambdabench.core.record import Record
from lambdabench.report import draw_plots

NETWORKS = (("resnet50", 20.0), ("convnext_tiny", 25.0))


@pytest.fixture
def cases(make_record: Callable[..., Record], tmp_path: Path) -> pd.DataFrame:
    """Two networks, measured eager and compiled, and scripted a thousand times as fast."""
    records = [
        make_record("throughput", factor * rate, model=model, backend=backend, case_id=f"{model}-{backend}")
        for model, rate in NETWORKS
        for backend, factor in (("torch_eager", 1), ("torch_compile", 2), ("fake", 1000))
    ]
    store.write(records, tmp_path / "a.parquet")
    return table.wide(store.newest(store.read(tmp_path)))


def test_scripted_times_stand_in_no_figure_of_measured_ones(cases: pd.DataFrame, tmp_path: Path) -> None:
    draw_plots(["pareto"], cases, title="T", folder=tmp_path / "both")
    numbers = pd.read_csv(tmp_path / "both" / "pareto.csv")
    assert set(numbers["backend"]) == {"torch_eager", "torch_compile"}
    assert set(numbers["front"]) == {"torch_eager", "torch_compile"}
    picture = (tmp_path / "both" / "pareto.svg").read_text()
    assert "Not shown: 2 cases of the backend fake, whose times are a script." in picture
    draw_plots(["pareto"], cases[cases["backend"] == "fake"], title="T", folder=tmp_path / "script")
    assert set(pd.read_csv(tmp_path / "script" / "pareto.csv")["backend"]) == {"fake"}
    assert "are a script: nothing was measured" in (tmp_path / "script" / "pareto.svg").read_text()


def test_from_python_too_fronts_are_apart_unless_one_is_asked_for(cases: pd.DataFrame) -> None:
    assert pareto_frame(cases).groupby("backend")["on_front"].any().all()
    joined = pareto_frame(cases[cases["backend"] != "fake"], across=["backend"])
    assert set(joined[joined["on_front"]]["backend"]) == {"torch_compile"}
    with pytest.raises(UnknownNameError, match="no field that one front can be drawn over is called 'device'"):
        pareto_frame(cases, across=["device"])


def test_where_nobody_asks_the_suite_says_over_what_there_is_one_front(cases: pd.DataFrame) -> None:
    measured = cases[cases["backend"] != "fake"].assign(suite="runtimes")
    joined = pareto_frame(measured)
    assert set(joined[joined["on_front"]]["backend"]) == {"torch_compile"}
    assert pareto_frame(measured, across=["none"]).groupby("backend")["on_front"].any().all()
    mixed = measured.assign(suite=["runtimes", *["quickstart"] * (len(measured) - 1)])
    assert pareto_frame(mixed).groupby("backend")["on_front"].any().all()


def test_a_control_pair_is_told_for_each_program() -> None:
    ratio = Estimate(value=0.8, low=0.7, high=0.9, confidence=0.95, samples=9, processes=3, covers="between processes")

    class Told:
        """As much of a result as the line needs."""

        resolution = Resolution(
            controls=tuple(
                Control(batch=1, told=name, ratio=ratio, is_off=False) for name in ("torch_compile", "torch_eager")
            )
        )

        class prepared:
            class suite:
                control = ("resnet50", "convnext_tiny")

    line = run_view._control(Told())  # pyright: ignore[reportPrivateUsage, reportArgumentType]
    assert line == (
        "control pair resnet50/convnext_tiny torch_compile b=1 0.800 [0.700, 0.900], torch_eager b=1 0.800 "
        "[0.700, 0.900] (must be 1)"
    )


@pytest.mark.parametrize(
    ("devices", "hosts", "said"), [([1], 1, ""), ([8], 1, ", 8 devices"), ([1, 8], 2, ", 1/8 devices, 2 hosts")]
)
def test_the_first_line_tells_devices_and_hosts(devices: list[int], hosts: int, said: str) -> None:
    class Told:
        """As much of a result as the line needs."""

        cases = pd.DataFrame({"devices": devices})

        class prepared:
            class hosts:
                count = 1

    Told.prepared.hosts.count = hosts
    assert run_view._spread(Told()) == said  # pyright: ignore[reportPrivateUsage, reportArgumentType]
