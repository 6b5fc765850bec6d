"""Trainings: the same images always, one seed one answer, well above chance in a few seconds."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from lambdabench import models
from lambdabench.analysis.sample_statistics import complete
from lambdabench.analysis.wilson import wilson
from lambdabench.core.errors import UnsupportedError
from lambdabench.core.spec import Case, options_from
from lambdabench.tasks.train import digits, train
from lambdabench.tasks.train import torch as loop

CASE = Case(model="digits_lambda_s", device="cpu", batch_size=64, image_px=8, param_dtype="float32", threads=2)
QUICK = dataclasses.replace(models.recipes()["digits_lambda_s"], epochs=5)


def quick(case: Case, seed: int) -> tuple[int, int]:
    return loop.train(case, QUICK, seed)


def test_the_split_is_fixed_stratified_and_without_a_common_image() -> None:
    split, again, whole = digits.load(), digits.load(), load_digits()
    assert np.array_equal(split.images, again.images)
    assert (len(split.labels), len(split.test_labels)) == (898, 899)
    assert QUICK.images == 898
    each, tested = (np.bincount(ndarray, minlength=10) for ndarray in (split.labels, split.test_labels))
    assert np.abs(each - tested).max() <= 1
    assert np.array_equal(each + tested, np.bincount(whole.target))
    ours = np.concatenate([split.images, split.test_images]).reshape(1797, 64)
    theirs = (whole.images.reshape(1797, 64) / 16 - digits.MEAN) / digits.SPREAD
    order = [np.lexsort(array.round(3).T) for array in (ours, theirs)]
    assert np.allclose(ours[order[0]], theirs[order[1]], atol=1e-6), "every image once"
    assert ours.mean() == pytest.approx(0, abs=0.01)
    assert ours.std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("name", ["digits_conv_s", "digits_attention_m", "digits_lambda_s"])
def test_a_quick_training_is_far_above_chance(name: str) -> None:
    right, images = quick(dataclasses.replace(CASE, model=name), 0)
    assert images == 899
    assert right / images > 0.8


def test_one_seed_is_one_answer_and_leaves_the_random_numbers_of_others_alone() -> None:
    before = torch.random.get_rng_state()
    first, second = quick(CASE, 3), quick(CASE, 3)
    assert first == second
    assert torch.equal(before, torch.random.get_rng_state())


def test_seeds_begin_with_other_weights_and_see_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(loop, "fit", lambda network, *rest: seen.append(network.head.weight.detach().clone()))
    quick(CASE, 0)
    quick(CASE, 1)
    quick(CASE, 0)
    assert not torch.equal(seen[0], seen[1])
    assert torch.equal(seen[0], seen[2])


def test_it_comes_to_a_share_of_the_test_images_with_their_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "train", lambda case, recipe, seed: (850, 899))
    measurement = complete(train(CASE, 0))
    assert (measurement.metric, measurement.unit, measurement.origin, measurement.statistic) == (
        "top1",
        "%",
        "measured",
        "mean_share",
    )
    assert (measurement.samples, measurement.loops_per_sample) == ((100 * 850 / 899,), 899)
    assert measurement.source == "scikit-learn's digits, 899 test images"
    assert (measurement.low, measurement.high) == pytest.approx(tuple(100 * value for value in wilson(850, 899)))


@pytest.mark.parametrize(
    ("dtypes", "precisions"),
    [
        ({"dtype": "bfloat16", "param_dtype": "bfloat16"}, {torch.bfloat16}),
        ({"dtype": "bfloat16", "param_dtype": "float32"}, {torch.float32}),
        ({}, {torch.float32}),
    ],
)
def test_it_is_tested_in_the_precision_of_the_case(dtypes: dict[str, str], precisions: set[torch.dtype]) -> None:
    torch.manual_seed(0)
    network = models.create("digits_conv_s")
    images, labels = torch.randn(300, 1, 8, 8), torch.zeros(300, dtype=torch.long)
    number = loop.right(network, images, labels, dataclasses.replace(CASE, **dtypes))  # pyright: ignore[reportArgumentType]
    assert 0 <= number <= 300
    assert {parameter.dtype for parameter in network.parameters()} == precisions


def test_what_cannot_be_trained_says_why() -> None:
    with pytest.raises(UnsupportedError, match="resnet18 cannot be trained here; these can: digits_conv_s, "):
        train(dataclasses.replace(CASE, model="resnet18"), 0)
    with pytest.raises(
        UnsupportedError, match="is trained on images of 1x8x8 and 10 classes, found 1x16x16 and 10; leave out"
    ):
        train(dataclasses.replace(CASE, image_px=16), 0)
    with pytest.raises(UnsupportedError, match="found 1x8x8 and 7"):
        train(dataclasses.replace(CASE, options=options_from({"num_classes": 7})), 0)
    with pytest.raises(UnsupportedError, match="nothing is trained in JAX; use --backend torch_eager"):
        train(dataclasses.replace(CASE, backend="jax_jit"), 0)


def test_options_of_the_backend_and_of_the_beginning_train_the_same_network(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(loop, "fit", lambda network, *rest: seen.append(network))
    quick(dataclasses.replace(CASE, options=options_from({"fold": True, "weights": "seeded", "scope": 5})), 0)
    assert seen[0].blocks[0].spatial.embeddings.shape[-2:] == (5, 5)


def test_scripted_trainings_have_the_accuracy_of_their_script() -> None:
    case = dataclasses.replace(CASE, backend="fake", device="fake", options=options_from({"top1": 95.0}))
    values = [train(case, seed).samples[0] for seed in range(3)]
    assert all(94 < value < 96 for value in values)
    assert len(set(values)) == 3
    assert values[0] == train(case, 0).samples[0]
