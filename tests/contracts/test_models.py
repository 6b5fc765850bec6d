"""What every family of ours keeps to: a spec without a framework, twins that make what the spec names."""

import importlib
import re
import subprocess
import sys

import pytest
import torch

from lambdabench import models
from lambdabench.core.spec import MODEL_NAME, Case, Wish

DEEP = re.compile("200|270|350|420")
STEPPED = ("botnet_t3", "digits_attention_s", "digits_lambda_s", "lambda_resnet101_c4", "mobilenet_v2_lambda")
WITHOUT_A_FRAMEWORK = """
import sys
from lambdabench import layers, models
from lambdabench.layers.lambda_layer import spec
for name in models.ours():
    models.option_defaults(name)
print(sorted({"torch", "timm", "jax", "numpy"} & set(sys.modules)))
"""


def test_names_and_options_need_no_framework() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_A_FRAMEWORK], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_making_a_network_loads_one() -> None:
    source = WITHOUT_A_FRAMEWORK.replace("print(", "models.names()\nprint(")
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert "torch" in done.stdout


@pytest.mark.parametrize("family", models.OURS)
def test_spec_says_sizes_variants_and_options(family: str) -> None:
    spec = importlib.import_module(f"lambdabench.models.{family}.spec")
    assert spec.VARIANTS
    for name in spec.VARIANTS:
        assert spec.native_px(name) > 0
        assert all(isinstance(value, (str, int, float, bool)) for value in spec.options_of(name).values())
    assert (importlib.import_module(f"lambdabench.models.{family}").__doc__ or "").count("arXiv") >= 1


@pytest.mark.parametrize("name", sorted(models.ours()))
def test_every_variant_is_described(name: str) -> None:
    assert MODEL_NAME.fullmatch(name)
    facts = models.describe(Wish(model=name, image_px=64))
    assert facts.problem == ""
    assert facts.name == name
    assert facts.parameters
    assert facts.flops_per_image
    assert facts.activations_per_image


@pytest.mark.parametrize("name", [name for name in sorted(models.ours()) if not DEEP.search(name)])
def test_every_network_gives_logits_and_gradients_to_all_its_weights(name: str) -> None:
    """Those of at most 152 layers: deeper ones are the same blocks."""
    with torch.device("meta"):
        network = models.create(name, num_classes=7, image_px=64, **models.option_defaults(name))
        logits = network.eval()(torch.empty(3, models.channels(name), 64, 64))
        assert (len(logits), logits.shape[-1]) == (3, 7)
        network.train()(torch.empty(2, models.channels(name), 64, 64)).sum().backward()
    unused = {item for item, weight in network.named_parameters() if weight.grad is None}
    assert name.startswith("mask_rcnn") or not unused


@pytest.mark.parametrize("name", [name for name in sorted(models.ours()) if "50" in name or name in STEPPED])
def test_a_training_step_gives_finite_gradients(name: str) -> None:
    """Those of 50 layers and one of each other kind; deeper ones are the same blocks, and step without numbers above."""
    torch.manual_seed(0)
    network = models.create(name, num_classes=7, image_px=64).train()
    images = torch.randn(2, models.channels(name), 64, 64)
    torch.nn.functional.cross_entropy(network(images), torch.tensor([1, 5])).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize("name", ["resnet50_ccll", "resnet18"])
def test_one_name_and_seed_is_one_network(name: str) -> None:
    case = Case(model=name, batch_size=1, image_px=32)
    first, second = (next(iter(models.create_workload(case).network.parameters())) for _ in range(2))
    assert torch.equal(first, second)
