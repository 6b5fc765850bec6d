"""A metric from another package, by an entry point alone: it is measured, stored, listed, reported and an axis of figures."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

MODULE = '''"""Joules of a step divided by its images, invented for this test: half a joule a second of it."""

from lambdabench.core.record import Measurement

TITLE = "Made-up energy"
UNIT = "J/image"
BETTER = "lower"
TIMED = True
SHOWN = ("mJ/image", 1e3)


def answer(bench):
    """Half a joule a second of a step, over its images."""
    samples = tuple(0.5 * seconds / bench.case.batch_size for seconds in bench.latencies())
    return Measurement(metric="made_up_energy", unit=UNIT, value=None, samples=samples, statistic="median",
                       origin="derived", source="0.5 J/s x latency")
'''
SUITE = """schema = 1
title = "With a metric from elsewhere"
metrics = ["throughput", "made_up_energy"]
plots = []
[defaults]
device = "fake"
backend = "fake"
image_px = 224
[[grid]]
model = ["resnet50", "levit_256"]
"""


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, str]:
    """An environment in which a package is installed that registers the metric."""
    (tmp_path / "made_up_energy_module.py").write_text(MODULE)
    folder = tmp_path / "made_up-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[lambdabench.metrics]\nmade_up_energy = made_up_energy_module\n")
    (tmp_path / "energy.toml").write_text(SUITE)
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}


def call(*words: str, where: Path, env: dict[str, str]) -> str:
    command = [sys.executable, "-m", "lambdabench", *words]
    ended = subprocess.run(command, cwd=where, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_it_takes_its_own_module_alone(outside: dict[str, str], tmp_path: Path) -> None:
    assert "made_up_energy" in call("list", "metrics", where=tmp_path, env=outside)
    call("run", "--suite", "energy.toml", where=tmp_path, env=outside)
    rows = [line for line in call("show", "resnet50", where=tmp_path, env=outside).splitlines() if "made_up" in line]
    assert any("J/image" in row for row in rows)
    call("report", "energy.toml", where=tmp_path, env=outside)
    page = (tmp_path / "reports" / "energy" / "index.md").read_text()
    assert "made-up energy, mJ/image" in page
    call("plot", "pareto", "--x", "made_up_energy", "--out", "drawn", where=tmp_path, env=outside)
    numbers = pd.read_csv(tmp_path / "drawn" / "pareto.csv")
    assert (numbers["made_up_energy_low [J/image]"] <= numbers["made_up_energy [J/image]"]).all()
    assert len(numbers) == 2
