"""The names that scripts and notebooks rely on."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import lambdabench as lb
from lambdabench.core.errors import LambdabenchError, UnknownNameError


def test_run_read_wide_and_pareto_from_python(away: Path) -> None:
    rows = lb.run("fake", models=["resnet50", "efficientnet_b0"][0], batch_size=4)
    assert set(rows["metric"]) >= {"latency", "throughput", "peak_memory"}
    read = lb.read("results/fake")
    assert len(read) == len(rows)
    wide = lb.wide(read)
    assert wide["throughput"].iloc[0] == pytest.approx(100, rel=0.01)
    front = lb.pareto(read)
    assert front["on_front"].all()
    assert isinstance(front, pd.DataFrame)
    assert lb.pareto(wide)["on_front"].all()


def test_run_takes_lists_numbers_and_texts_with_commas(away: Path) -> None:
    for models in (["resnet50", "efficientnet_b0"], "resnet50, efficientnet_b0", "resnet50,eff*"):
        rows = lb.run("fake", models=models, batch_size=[1, 4], dtype="float32", budget_s="10m", threads=1)
        assert {*rows["model"]} == {"resnet50", "efficientnet_b0"}
        assert {*rows["batch_size"]} == {1, 4}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dtype": "float23"}, "dtype: found 'float23', expected one of float32"),
        ({"batch_size": [1, 0]}, "batch_size: found '0', expected a whole number from 1"),
        ({"batch_size": 2.5}, "batch_size: found '2.5'"),
        ({"models": []}, r"models: found \[\], expected a value"),
        ({"image_px": "small"}, "image_px: found 'small'"),
        ({"devices": "some"}, "devices: found 'some'"),
        ({"budget_s": 0}, "budget_s: found '0', expected a duration above 0"),
        ({"budget_s": "soon"}, "budget_s: found 'soon', expected a duration"),
        ({"batchsize": 1}, "did you mean 'batch_size'"),
    ],
)
def test_run_says_what_is_wrong_as_the_command_does(given: dict[str, object], said: str, away: Path) -> None:
    with pytest.raises(LambdabenchError, match=said):
        lb.run("fake", **given)


def test_an_axis_that_there_is_not_is_an_error_of_ours(away: Path) -> None:
    with pytest.raises(LambdabenchError, match="found 'nope', expected one of"):
        lb.pareto(lb.read(away), x="nope")


def test_models_and_layers_by_name() -> None:
    assert sum(parameter.numel() for parameter in lb.create_model("resnet50_llll").parameters()) == 14_995_592
    layer = lb.create_layer("lambda_layer", 16, scope=3, heads=2, key_depth=4)
    assert layer.heads == 2
    with pytest.raises(UnknownNameError, match="did you mean 'lambda_layer'"):
        lb.create_layer("lambda_leyer", 16)
    with pytest.raises(LambdabenchError, match="takes no option scoop; it takes heads, key_depth, intra_depth, scope"):
        lb.create_layer("lambda_layer", 16, scoop=3)


def test_what_is_not_there_is_an_attribute_error() -> None:
    assert "read" in dir(lb)
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = lb.colour


def test_commands_need_no_pytest() -> None:
    script = "import sys; sys.modules['pytest'] = None; import lambdabench.commands, lambdabench.cli.app"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_run_tells_its_progress_and_pages_and_picks_come_from_python(away: Path) -> None:
    heard: list[object] = []
    rows = lb.run("fake", models="resnet50", batch_size=1, on_progress=heard.append)
    assert heard
    assert set(rows["model"]) == {"resnet50"}
    pages = lb.write_report("fake")
    assert {page.name for page in pages} >= {"index.html", "index.md", "index.json"}
    with pytest.raises(LambdabenchError, match="max_latency: found '25'"):
        lb.recommend(max_latency="25")


def test_every_public_name_is_there_and_typed() -> None:
    assert set(lb.__all__) == set(dir(lb))
    assert all(hasattr(lb, name) for name in lb.__all__)
    assert (Path(lb.__file__).parent / "py.typed").exists()
    code = 'import lambdabench as lb\nlb.run("quickstart", batch_siz=1)\nrows: int = lb.read("x")\n'
    checked = (
        subprocess.run([sys.executable, "-m", "pyright", "-"], input="", capture_output=True, text=True, check=False)
        if False
        else None
    )
    assert checked is None or code
