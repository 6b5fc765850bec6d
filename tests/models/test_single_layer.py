"""Single layers are cases like networks: made from the options of a suite, fed one map, differentiated in both."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from lambdabench import models
from lambdabench.backends import torch_compile, torch_eager
from lambdabench.core import registry
from lambdabench.core.errors import UnsupportedError
from lambdabench.core.spec import Case, Wish, options_from

LAMBDA = {"dim": 16, "scope": 5}


def case_of(name: str = "lambda_layer", mode: str = "inference", image_px: int | None = 6, **options: object) -> Case:
    return Case(
        kind="layer", model=name, mode=mode, batch_size=2, image_px=image_px, options=options_from(options),
        param_dtype="float32",
    )  # fmt: skip


@pytest.mark.parametrize("name", registry.names("layers"))
def test_every_layer_runs_and_is_described(name: str) -> None:
    case = case_of(name, dim=16)
    work = models.create_workload(case)
    with torch.no_grad():
        output = work.network.eval()(*work.arguments(work.inputs(case, 0)))
    assert work.check(output, case) == ""
    facts = models.describe(Wish(kind="layer", model=name, image_px=6, options=case.options))
    assert (facts.problem, facts.family) == ("", "layer")
    assert facts.parameters == sum(parameter.numel() for parameter in work.network.parameters())


def test_a_training_step_differentiates_the_map() -> None:
    case = case_of(mode="train", **LAMBDA)
    work = models.create_workload(case)
    images, gradient = work.inputs(case, 0)
    work.network.train()
    (given,) = work.arguments((images, gradient))
    work.network(given).backward(gradient)
    assert torch.isfinite(given.grad).all()
    assert images.grad is None


@pytest.mark.parametrize("backend", [torch_eager, torch_compile])
def test_a_layers_step_is_there_and_back_and_no_more(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case = replace(case_of(mode="train", **LAMBDA), device="cpu", threads=1)
    work = models.create_workload(case)
    slopes: dict[str, Any] = {}
    for name, item in work.network.named_parameters():
        item.register_post_accumulate_grad_hook(lambda entry, name=name: slopes.update({name: entry.grad.clone()}))
    monkeypatch.setattr(torch.optim, "SGD", None)
    session = backend.open_session(work, case, 0)
    outputs = [session.call().clone(), session.call().clone()]
    assert session.check(outputs[0]) == ""
    torch.testing.assert_close(*outputs, rtol=0, atol=0)
    images, gradient = work.inputs(case, 0)
    parameters = dict(work.network.named_parameters())
    wanted = torch.autograd.grad(work.network(images), list(parameters.values()), gradient)
    torch.testing.assert_close(slopes, dict(zip(parameters, wanted, strict=True)), rtol=1e-4, atol=1e-4)
    assert all(parameter.grad is None for parameter in work.network.parameters())
    session.close()


def test_maps_that_are_not_square_and_strides() -> None:
    case = case_of(image_px=None, size="7x4", stride=2, dim_out=32, **LAMBDA)
    work = models.create_workload(case)
    output = work.network(*work.inputs(case, 0))
    assert output.shape == (2, 32, 4, 2)
    assert work.check(output, case) == ""
    assert "expected (2, 32, 4, 2)" in work.check(output[:, :3], case)
    assert models.describe(Wish(kind="layer", model="lambda_layer", options=case.options)).native_px == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dim": 16, "size": "7"}, "found options.size '7', expected height and width"),
        ({}, "needs options.dim"),
        ({"dim": 16, "spokes": 3}, "takes no option spokes"),
        ({"dim": 15}, "does not divide into 4 heads"),
    ],
)
def test_what_cannot_be_made_says_why(options: dict[str, object], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        models.create_workload(case_of(**options))
    problem = models.describe(
        Wish(kind="layer", model="lambda_layer", image_px=6, options=options_from(options))
    ).problem
    assert problem
