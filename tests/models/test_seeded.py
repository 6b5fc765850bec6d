"""Weights and inputs that are the same in both frameworks, whatever each draws by itself."""

import numpy as np
import pytest

from lambdabench import models
from lambdabench.core import registry
from lambdabench.core.spec import Case
from lambdabench.models._seeded import draws
from lambdabench.models._seeded.jax import Seeded as SeededInJax
from lambdabench.models._weights.jax import torch_state_of


def case_of(model: str, mode: str, **more: object) -> Case:
    fields = {"kind": "model", "image_px": 64, "options": (("weights", "seeded"),)} | more
    return Case(model=model, device="cpu", mode=mode, batch_size=2, threads=1, param_dtype="float32", **fields)  # pyright: ignore[reportArgumentType]


CASES = [
    case_of("resnet50_ccll", "inference"),
    case_of("resnet50_ccll", "train"),
    case_of("tf_efficientnet_b0", "train"),
    case_of(
        "lambda_layer",
        "inference",
        kind="layer",
        image_px=9,
        options=(("dim", 32), ("scope", 5), ("weights", "seeded")),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda item: f"{item.model}-{item.mode}")
def test_both_frameworks_hold_the_same_numbers(case: Case) -> None:
    ours, theirs = (models.create_workload(case, framework) for framework in ("torch", "jax"))
    assert (ours.weights, theirs.weights) == ("seeded", "seeded")
    state = torch_state_of(theirs.network)
    for name, item in ours.network.state_dict().items():
        if name in state:
            np.testing.assert_array_equal(item.numpy(), state[name], err_msg=name)
    for mine, other in zip(ours.inputs(case, 3), theirs.inputs(case, 3), strict=True):
        moved = mine.permute(0, 2, 3, 1) if mine.dim() == 4 else mine
        np.testing.assert_array_equal(moved.numpy(), other)


def test_a_shared_table_is_drawn_once() -> None:
    case = case_of("resnet50_llll", "inference", options=(("shared_embeddings", True), ("weights", "seeded")))
    ours, theirs = (models.create_workload(case, framework) for framework in ("torch", "jax"))
    state = torch_state_of(theirs.network)
    tables = [name for name in state if name.endswith("embeddings")]
    assert len(tables) > 4
    for name in tables:
        np.testing.assert_array_equal(ours.network.state_dict()[name].numpy(), state[name])


def test_weights_differ_by_name_and_not_by_call() -> None:
    ndarray = draws.weights("conv1.weight", (4, 3, 3, 3))
    assert (ndarray == draws.weights("conv1.weight", (4, 3, 3, 3))).all()
    assert (ndarray != draws.weights("conv2.weight", (4, 3, 3, 3))).all()
    variances = draws.weights("bn.running_var", (1000,))
    assert 0.5 <= variances.min() < variances.max() <= 1.5


def test_one_case_answers_the_same_on_both_backends() -> None:
    case = case_of("resnet50_cccl", "inference")
    values: list[tuple[float, ...]] = []
    for name, framework in (("torch_eager", "torch"), ("jax_jit", "jax")):
        session = registry.load("backends", name).open_session(models.create_workload(case, framework), case, 0)
        output = session.call()
        session.synchronize()
        values.append(session.values(output))
        session.close()
    a, b = map(np.asarray, values)
    assert a.size == 1000
    assert np.abs(a - b).max() <= 1e-5 * np.abs(a).max()
    assert isinstance(models.create_workload(case, "jax"), SeededInJax)
