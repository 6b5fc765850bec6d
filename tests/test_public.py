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


def test_models_and_layers_by_name() -> None:
    assert sum(one.numel() for one in lb.create_model("resnet50_llll").parameters()) == 14_995_592
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
