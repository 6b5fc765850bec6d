"""`lb.plot` returns the figure of rows as they were read, or of their wide table."""

from collections.abc import Callable

import pandas as pd
import pytest

import lambdabench as lb
from lambdabench import store
from lambdabench.commands._results import plot_command
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.folders import RESULTS
from lambdabench.core.record import Record


@pytest.fixture
def rows(make_record: Callable[..., Record]) -> pd.DataFrame:
    """Two networks at two batch sizes."""
    records = [
        make_record(metric, value, model=model, batch_size=batch, case_id=f"{model}{batch}")
        for model, speed in (("resnet50", 20.0), ("efficientnet_b0", 60.0))
        for batch in (1, 4)
        for metric, value in (("latency", batch / speed), ("throughput", speed * (1 + batch / 10)))
    ]
    return store.frame(records)


def test_the_figure_of_a_front(rows: pd.DataFrame) -> None:
    figure = lb.plot("pareto", rows, title="Mine")
    assert [axes.get_title("left") for axes in figure.axes] == ["batch 1", "batch 4"]
    assert figure.get_suptitle() == "Mine"
    assert "Measured on a cpu" in figure.get_supxlabel()
    wide = lb.plot("pareto", lb.wide(rows), x="latency")
    assert wide.axes[0].get_xlabel().startswith("latency [ms]")


@pytest.mark.parametrize("kind", ["scaling", "latency"])
def test_other_figures(kind: str, rows: pd.DataFrame) -> None:
    assert lb.plot(kind, rows).axes


def test_a_figure_that_is_not_there(rows: pd.DataFrame) -> None:
    with pytest.raises(LambdabenchError, match="pareto"):
        lb.plot("paretto", rows)


def test_the_command_that_draws_a_figure_again() -> None:
    given = {"model": ("res*", "vit"), "batch_size": (1, 4), "mode": None, "x": "latency", "weights": ()}
    words = "lambdabench plot pareto --suite mine --models 'res*,vit' --batch-size 1,4 --x latency"
    assert plot_command("pareto", RESULTS, "mine", given) == words
