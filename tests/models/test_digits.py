"""The networks for digits: equal depth, counts by formula, images of one channel."""

import pytest
import torch

from lambdabench import models
from lambdabench.backends import torch_eager
from lambdabench.core.spec import Case, Wish, options_from
from lambdabench.models.digits import spec


@pytest.mark.parametrize("name", sorted(spec.VARIANTS))
def test_parameters_and_operations_are_those_of_the_formula(name: str) -> None:
    facts = models.describe(Wish(model=name))
    assert facts.problem == ""
    assert (facts.native_px, facts.parameters) == (8, spec.parameters(name))
    assert facts.flops_per_image is not None
    if (
        spec.VARIANTS[name].layer == "lambda_layer"
    ):  # the portable kernel multiplies whole windows; the paper's rule counts fewer
        assert 2 * spec.macs(name) <= facts.flops_per_image < 3 * spec.macs(name)
    else:
        assert facts.flops_per_image == 2 * spec.macs(name)


def test_all_are_as_deep_and_a_kind_differs_in_its_layer_alone() -> None:
    kinds = {kind: models.create(f"digits_{kind}_m") for kind in spec.LAYERS}
    assert {len(network.blocks) for network in kinds.values()} == {spec.DEPTH}
    without = {
        kind: [(name, tuple(item.shape)) for name, item in network.named_parameters() if ".spatial." not in name]
        for kind, network in kinds.items()
    }
    assert without["conv"] == without["attention"] == without["lambda"]


def test_options_reach_the_layer_and_change_the_counts() -> None:
    name, options = "digits_lambda_s", {"scope": 5, "key_depth": 4}
    facts = models.describe(Wish(model=name, options=options_from(options)))
    assert facts.parameters == spec.parameters(name, **options) < spec.parameters(name)


def test_a_case_is_fed_one_channel_and_answers_ten_classes_without_being_told() -> None:
    case = Case(model="digits_attention_s", device="cpu", batch_size=4, image_px=8, param_dtype="float32", threads=1)
    workload = models.create_workload(case)
    assert workload.inputs(case, 0)[0].shape == (4, 1, 8, 8)
    session = torch_eager.open_session(workload, case, 0)
    output = session.call()
    assert output.shape == (4, 10)
    assert session.check(output) == ""
    assert session.effective(output).inputs == "float32 4x1x8x8"
    session.close()


def test_other_channels_and_classes_can_be_asked_for() -> None:
    network = models.create("digits_conv_s", in_chans=3, num_classes=7, image_px=16)
    assert network.eval()(torch.zeros(2, 3, 16, 16)).shape == (2, 7)


def test_recipes_are_of_this_family_alone() -> None:
    assert set(models.recipes()) == set(spec.VARIANTS)
