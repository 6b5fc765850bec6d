"""The ResNet family has the paper's parameter counts, learns, and keeps its weights."""

import copy
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch.nn import functional

from lambdabench import models
from lambdabench.core.spec import Wish
from lambdabench.facts.counts import PrintedCount, is_kernel, printed_counts
from lambdabench.layers.lambda_layer import spec as lambda_spec
from lambdabench.models.resnet import spec
from lambdabench.models.resnet.architecture import Architecture, Block, blocks_of, filled
from lambdabench.models.resnet.torch import Bottleneck, ResNet

TABLE_13 = {
    "cccc": 25.56, "lccc": 25.49, "llcc": 24.99, "lllc": 21.73,
    "llll": 15.00, "clll": 15.06, "ccll": 15.56, "cccl": 18.83,
}  # fmt: skip
"""Million parameters of each placement, by the layer's formula (arXiv 2102.08602, Table 13)."""


SMALL = Architecture(layers=filled((1, 1, 1, 1), "lambda_layer", stages=(2, 3)), native_px=64, squeeze_stages=("c2",))
"""A bottleneck a stage."""


def made(name: str = "resnet50_llll", **options: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    return models.create(name, **options)


def parameters(name: str, **options: Any) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in made(name, **options).parameters())


@pytest.mark.parametrize(("placement", "millions"), TABLE_13.items())
def test_parameters_of_the_placements(placement: str, millions: float) -> None:
    assert round(parameters(f"resnet50_{placement}") / 1e6, 2) == millions


def test_all_lambda_resnet_has_the_papers_count_exactly() -> None:
    assert parameters("resnet50_llll") == 14_995_592
    assert round(parameters("resnet50_llll", key_depth=8, heads=8) / 1e6, 2) == 14.74


def test_last_batch_norm_of_each_bottleneck_starts_at_zero() -> None:
    blocks = [module for module in made("resnet50_cccl").modules() if isinstance(module, Bottleneck)]
    assert len(blocks) == 16
    assert all(not block.bn3.weight.any() for block in blocks)


def test_training_on_two_images_lowers_the_loss() -> None:
    network = made(num_classes=3).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    images, targets = torch.randn(2, 3, 33, 33), torch.tensor([0, 2])
    losses: list[float] = []
    for _ in range(4):
        loss = functional.cross_entropy(network(images), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_weights_survive_the_file(tmp_path: Path) -> None:
    first = made(num_classes=3).eval()
    torch.save(first.state_dict(), tmp_path / "weights.pt")
    second = models.create("resnet50_llll", num_classes=3).eval()
    second.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(first(images), second(images))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("batch", "size"), [(1, (3, 2)), (4, (1, 1)), (2, (1, 4))])
@pytest.mark.parametrize("spatial", ["convolution", "lambda"])
def test_gradients_of_a_bottleneck_under_the_pooled_head(
    batch: int, size: tuple[int, int], spatial: str, training: bool
) -> None:
    torch.manual_seed(1)
    layer = torch.nn.Conv2d(4, 4, 3, padding=1, bias=False) if spatial == "convolution" else made_layer()
    place = Block(stage=0, layer=spatial, dim=16, width=4, stride=1, size=size, has_gate=True)
    block = Bottleneck(place, SMALL, layer).double().train(training)
    torch.nn.init.normal_(block.bn3.weight)
    x = torch.randn(batch, 16, *size, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: block(x).mean(dim=(2, 3)), x, eps=1e-6, atol=1e-4, rtol=1e-3)


def made_layer() -> torch.nn.Module:
    from lambdabench import layers

    return layers.create("lambda_layer", 4, heads=2, key_depth=2, scope=3)


def test_a_network_at_its_smallest_map_has_the_same_gradients_in_any_batch_order() -> None:
    network = made(num_classes=3).double().train()
    images = torch.randn(2, 3, 32, 32, dtype=torch.float64)

    def gradient(order: list[int]) -> torch.Tensor:
        (tensor,) = torch.autograd.grad(network(images[order]).square().sum(), [network.stem[0].weight])
        return tensor

    torch.testing.assert_close(gradient([0, 1]), gradient([1, 0]))


@pytest.mark.parametrize("printed_count", printed_counts(), ids=lambda item: item.model)
def test_kernels_are_as_many_as_the_botnet_paper_prints(printed_count: PrintedCount) -> None:
    """To the last printed digit; what it leaves out are batch norms, biases and position tables."""
    with torch.device("meta"):
        weights = dict(made(printed_count.model).named_parameters())
    kernels = sum(weight.numel() for name, weight in weights.items() if is_kernel(name, weight.ndim))
    assert f"{kernels / 1e6:.1f}" == (printed_count.derived or printed_count.printed)
    assert not printed_count.derived or int(kernels / 1e5) / 10 == float(printed_count.printed), "rounded down"
    assert f"{sum(weight.numel() for weight in weights.values()) / 1e6:.1f}" != printed_count.printed, (
        "all that is learnt"
    )
    left_out = {name.rpartition(".")[2] for name, weight in weights.items() if not is_kernel(name, weight.ndim)}
    assert left_out <= {"weight", "bias", "row_embeddings", "column_embeddings"}


def test_botnet_t7_has_its_operations() -> None:
    """45.8 GMAC at 384 px (arXiv 2106.04803, Table 4), which tells that c5 does not stride."""
    facts = models.describe(Wish(model="botnet_t7", image_px=384))
    assert facts.flops_per_image
    assert facts.flops_per_image / 2e9 == pytest.approx(45.8, rel=0.01)


@pytest.mark.parametrize("depth", [50, 101])
def test_resnet_rs_is_timms(depth: int) -> None:
    """Same weights, same logits (equal random running statistics included)."""
    torch.manual_seed(0)
    theirs = timm.create_model(f"resnetrs{depth}", num_classes=5).eval()
    ours = models.create(f"resnet_rs{depth}", num_classes=5).eval()
    weights = {
        key: torch.rand_like(item) if "running" in key or "bn3.weight" in key else item
        for key, item in theirs.state_dict().items()
    }
    theirs.load_state_dict(weights)
    ours.load_state_dict(dict(zip(ours.state_dict(), weights.values(), strict=True)))
    images = torch.randn(2, 3, 65, 64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "layer", ["lambda_layer", "axial_attention", "local_attention", "linear_attention", "self_attention"]
)
def test_a_small_network_of_each_layer_trains(layer: str) -> None:
    """Every feature timm's networks have, at a bottleneck a stage; batch 1 too."""
    torch.manual_seed(0)
    architecture = Architecture(
        layers=filled((1, 1, 1, 1), layer), native_px=64, stem="convolutions", pooled_shortcut=True
    )
    network = ResNet(architecture, num_classes=3, drop_rate=0.1, drop_path_rate=0.1).train()
    for batch in (1, 2):
        network(torch.randn(batch, 3, 64, 48)).square().sum().backward()
    assert all(torch.isfinite(weight.grad).all() for weight in network.parameters() if weight.grad is not None)


def small(**options: Any) -> ResNet:
    torch.manual_seed(0)
    return ResNet(SMALL, num_classes=3, **options)


def test_checkpointing_changes_no_gradient() -> None:
    network, images = small(), torch.randn(2, 3, 64, 64)
    again = copy.deepcopy(network)
    again.set_grad_checkpointing()
    for res_net in (network, again):
        res_net.train()(images).square().sum().backward()
    for res_net, other in zip(network.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(res_net.grad, other.grad)


def test_classifier_is_replaced() -> None:
    network = small()
    network.reset_classifier(7)
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 7)
    network.reset_classifier(0)
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 2048)
    network.reset_classifier(0, "")
    assert network(torch.randn(2, 3, 64, 64)).shape == (2, 2048, 2, 2)
    assert network.forward_features(torch.randn(2, 3, 64, 64)).shape == (2, 2048, 2, 2)


@pytest.mark.parametrize(
    ("name", "strides"), [("lambda_resnet50", [2, 4, 8, 16, 32]), ("botnet_t3", [2, 4, 8, 16, 16])]
)
def test_features_only(name: str, strides: list[int]) -> None:
    network = models.create(name, features_only=True, image_px=64).eval()
    assert network.feature_info.reduction() == strides
    with torch.no_grad():
        maps = network(torch.randn(1, 3, 64, 64))
    assert [tuple(item.shape[1:]) for item in maps] == [
        (channels, 64 // stride, 64 // stride)
        for channels, stride in zip(network.feature_info.channels(), strides, strict=True)
    ]
    two = models.create(name, features_only=True, image_px=64, out_indices=(1, 3))
    assert len(two(torch.randn(1, 3, 64, 64))) == 2


def test_export_and_compile() -> None:
    network, images = small().eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        wanted = network(images)
        exported = torch.export.export(network, (images,)).module()
        torch.testing.assert_close(exported(images), wanted)
        compiled = torch.compile(network, fullgraph=True, backend="aot_eager")
        torch.testing.assert_close(compiled(images), wanted)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_and_channels_last(dtype: torch.dtype) -> None:
    network, images = small().eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        wanted = network(images)
        item = network.to(dtype).to(memory_format=torch.channels_last)(images.to(dtype))
    assert (item - wanted).abs().max() <= 0.05 * wanted.abs().max()


def test_layers_of_a_stage_share_a_table() -> None:
    """Four tables for sixteen layers (arXiv 2102.08602, Table 4), of global scope too."""
    table = 23 * 23 * 16
    assert parameters("resnet50_llll") - parameters("resnet50_llll", shared_embeddings=True) == 12 * table
    network = models.create("resnet50_llll", shared_embeddings=True, scope="global", image_px=64).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 3, 64, 64)).shape == (1, 1000)


def test_dropout_and_stochastic_depth_are_table_20s() -> None:
    assert spec.REGULARISATION[(152, 256)] == (0.3, 0.1)
    network = models.create("lambda_resnet50", drop_rate=0.3, drop_path_rate=0.1)
    blocks = [module for module in network.modules() if isinstance(module, Bottleneck)]
    rates = [getattr(block.drop_path, "drop_prob", 0.0) for block in blocks]
    assert network.drop_rate == 0.3
    assert rates == pytest.approx([0.1 * place / 15 for place in range(16)])


@pytest.mark.parametrize(
    ("name", "options", "gib"),
    [
        ("resnet50_global", {}, 122.8),  # the paper prints 120
        ("resnet50_axial", {}, 4.8),
        ("resnet50_llll", {}, 1.9),
        ("resnet50_llll", {"key_depth": 8}, 0.96),  # it prints 0.95
        ("resnet50_llll", {"shared_embeddings": True}, 0.63),
        ("resnet50_cccc", {}, 0.0),
    ],
)
def test_memory_of_interactions_is_table_4s(name: str, options: dict[str, Any], gib: float) -> None:
    value = spec.interaction_bytes(name, image_px=224, batch_size=128, **options) / 2**30
    assert value == pytest.approx(gib, abs=0.05 if gib > 1 else 0.006)


def test_memory_of_the_420_layers_is_as_the_paper_says() -> None:
    """38.4 MB, 4.8 MB shared, of the eight lambda layers in c4 at 20x20 in bfloat16 (arXiv 2102.08602, section 5)."""
    blocks = [
        block for block in blocks_of(spec.VARIANTS["lambda_resnet420"], (320, 320)) if block.layer == "lambda_layer"
    ]
    c4 = [block for block in blocks if block.stage == 2]
    assert (len(c4), {block.size_out for block in c4}) == (8, {(20, 20)})
    mib = sum(lambda_spec.interaction_elements(256, 256, size=(20, 20)) for _ in c4) * 2 / 2**20
    assert mib == pytest.approx(39.1, abs=0.05)
