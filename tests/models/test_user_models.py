"""A user's own network, from a file, a module on the path, or an exported program."""

from pathlib import Path

import pytest
import torch

from lambdabench import models
from lambdabench.core.errors import LambdabenchError
from lambdabench.core.spec import Case, Wish, options_from

SOURCE = """
from torch import nn

def build(width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def number():
    return 3

def broken():
    raise RuntimeError("the user's own words")

def ending():
    raise SystemExit(0)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "their_networks.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def case(model: str, **options: int) -> Case:
    return Case(model=model, batch_size=2, image_px=8, options=options_from(options))


@pytest.mark.parametrize("place", ["{folder}/their_networks.py:build", "their_networks:build"])
def test_callable_takes_the_options_as_keywords(folder: Path, place: str) -> None:
    asked = case(place.format(folder=folder), width=6)
    workload = models.create_workload(asked)
    output = workload.network(*workload.arguments(workload.inputs(asked, 0)))
    assert output.shape == (2, 6)
    assert workload.check(output, asked) == ""
    assert "(1,), expected (2,)" in workload.check(output[:1, 0], asked)


def test_facts_are_counted_at_the_size_asked(folder: Path) -> None:
    facts = models.describe(Wish(model=f"{folder}/their_networks.py:build", image_px=8))
    assert (facts.problem, facts.family, facts.parameters) == ("", "user", 3 * 4 * 9 + 4)
    assert facts.flops_per_image == 2 * 36 * 3 * 4 * 9
    assert facts.activations_per_image == 4 * 36


def test_exported_program(folder: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten()).eval()
    images = torch.randn(2, 3, 8, 8)
    torch.export.save(torch.export.export(network, (images,)), folder / "net.pt2")
    loaded = models.create_workload(case(str(folder / "net.pt2"))).network
    torch.testing.assert_close(loaded(images), network(images))


def test_what_is_wrong_is_said(folder: Path) -> None:
    file = f"{folder}/their_networks.py"
    with pytest.raises(LambdabenchError, match="has no 'absent'"):
        models.create_workload(case(f"{file}:absent"))
    with pytest.raises(LambdabenchError, match=r"returned a int, expected a torch\.nn\.Module"):
        models.create_workload(case(f"{file}:number"))
    with pytest.raises(RuntimeError, match="the user's own words"):
        models.create_workload(case(f"{file}:broken"))


def test_what_would_end_the_process_is_a_reason_as_any_other(folder: Path) -> None:
    with pytest.raises(LambdabenchError, match=r"their_networks:ending calls sys\.exit\(0\), expected a network"):
        models.create_workload(case("their_networks:ending"))
    script = folder / "script.py"
    script.write_text(SOURCE + "\nimport sys\nsys.exit()\n")
    facts = models.describe(Wish(model=f"{script}:build", image_px=8))
    assert facts.problem.startswith(f"NetworkError: {script}:build calls sys.exit(), expected a network; keep what")
