"""Networks by name, facts about them without their weights, and cases as workloads."""

import re

import pytest
import torch

from lambdabench import models
from lambdabench.core.errors import LambdabenchError, UnknownNameError, UnsupportedError
from lambdabench.core.spec import Case, Wish, options_from


def test_names_are_ours_and_timms() -> None:
    names = models.names()
    assert names[0] in models.ours()
    assert {"resnet50_llll", "resnet18", "tf_efficientnet_b0"} <= set(names)
    assert len(set(names)) == len(names)


def test_unknown_names_and_options_are_refused_with_what_there_is() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'resnet50_llll'"):
        models.create("resnet50_lllll")
    with pytest.raises(LambdabenchError, match=r"takes no option scop; it takes .*scope"):
        models.create("resnet50_llll", scop=3)
    with pytest.raises(LambdabenchError, match="takes no option scope"):
        models.create("resnet50_cccc", scope=3)


def test_option_defaults_are_the_papers_where_there_are_lambda_layers() -> None:
    assert models.option_defaults("resnet50_ccll")["scope"] == 23
    assert models.option_defaults("resnet50_cccc") == {"drop_rate": 0.0, "drop_path_rate": 0.0}
    assert models.option_defaults("lambda_resnet270_c4_r7")["scope"] == 7
    assert models.option_defaults("botnet_t3")["heads"] == 4
    assert models.option_defaults("resnet18") == {}


def test_facts_of_a_known_network() -> None:
    facts = models.describe(Wish(model="resnet18"))
    assert (facts.problem, facts.family, facts.native_px, facts.image_px) == ("", "timm", 224, 224)
    assert facts.parameters == 11_689_512
    assert facts.flops_per_image == pytest.approx(2 * 1.82e9, rel=0.01)
    assert facts.activations_per_image == pytest.approx(2.48e6, rel=0.01)
    assert facts.tags[0] == "a1_in1k"


def test_flops_of_our_resnet_grow_with_the_area() -> None:
    small, large = (models.describe(Wish(model="resnet50_cccc", image_px=px)) for px in (64, 128))
    assert small.flops_per_image
    assert large.flops_per_image
    assert large.flops_per_image / small.flops_per_image == pytest.approx(4, rel=0.01)
    assert models.describe(Wish(model="resnet50_cccc")).flops_per_image == pytest.approx(8.18e9, rel=0.01)


def test_networks_whose_weights_depend_on_the_size_are_told_it() -> None:
    facts = models.describe(Wish(model="vit_tiny_patch16_224", image_px=64))
    assert (facts.problem, facts.native_px, facts.image_px) == ("", 224, 64)


@pytest.mark.parametrize(
    ("model", "px"), [("no_such_network", None), ("halonet26t", 100), ("no_such_file.py:build", None)]
)
def test_what_cannot_be_described_is_a_problem_and_no_exception(model: str, px: int | None) -> None:
    facts = models.describe(Wish(model=model, image_px=px))
    assert facts.problem
    assert facts.parameters is None


def case(**changes: object) -> Case:
    return Case(**({"model": "resnet18", "batch_size": 2, "image_px": 32} | changes))  # pyright: ignore[reportArgumentType]


def test_workload_of_a_case() -> None:
    workload = models.create_workload(case(mode="train"))
    images, targets = workload.inputs(case(mode="train"), 7)
    assert images.shape == (2, 3, 32, 32)
    assert targets.shape == (2,)
    assert torch.equal(images, workload.inputs(case(), 7)[0])
    assert not torch.equal(images, workload.inputs(case(), 8)[0])
    output = workload.network(*workload.arguments((images, targets)))
    assert workload.check(output, case()) == ""
    assert workload.loss(output, (images, targets)).shape == ()
    assert "(2, 3), expected (2, 1000)" in workload.check(output[:, :3], case())
    assert "tuple" in workload.check((output,), case())


def test_weights_are_random_and_the_same_each_time() -> None:
    first, second = (models.create_workload(case()).network.state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_options_that_a_network_does_not_take_are_unsupported() -> None:
    with pytest.raises(
        UnsupportedError, match=r"resnet18 takes no option 'strange'; it takes block, layers, num_classes, "
    ):
        models.create_workload(case(options=options_from({"strange": 1})))


@pytest.mark.parametrize("framework", ["torch", "jax"])
@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"scope": 4}, "resnet50_llll cannot be made: found scope 4, expected an odd number"),
        ({"scope": "big"}, "resnet50_llll cannot be made: found scope 'big', expected an odd number"),
        ({"heads": 0}, "found heads 0, expected a whole number"),
        ({"strange": 1}, "resnet50_llll takes no option strange; it takes "),
    ],
)
def test_values_that_a_layer_refuses_are_unsupported(option: dict[str, int | str], said: str, framework: str) -> None:
    with pytest.raises(UnsupportedError, match=re.escape(said)):
        models.create_workload(case(model="resnet50_llll", options=options_from(option)), framework)


def test_values_that_a_detectors_layer_refuses_are_unsupported() -> None:
    asked = case(model="mask_rcnn_lambda_resnet101", image_px=64, options=options_from({"scope": 4}))
    with pytest.raises(UnsupportedError, match="found scope 4"):
        models.create_workload(asked)


def test_sizes_that_a_network_refuses_are_unsupported_with_its_own_size() -> None:
    with pytest.raises(UnsupportedError, match=r"halonet26t does not take images of 100 px .*--image-px 256"):
        models.create_workload(case(model="halonet26t", image_px=100))
