"""Batch norms folded into convolutions: the same answers, and nothing folded that somebody else uses."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import lambdabench as lb
from lambdabench.backends import torch_eager
from lambdabench.backends._torch_fold import told
from lambdabench.core.errors import LambdabenchError, UnsupportedError
from lambdabench.core.spec import Case, options_from
from lambdabench.models.classification.torch import Classification

timm = pytest.importorskip("timm")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def seen(network: nn.Module, px: int) -> nn.Module:
    """With running statistics and weights of batch norms that are no identity."""
    generator = torch.Generator().manual_seed(0)
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for norm in norms:
            norm.weight.uniform_(0.5, 1.5, generator=generator)
            norm.bias.normal_(0, 0.1, generator=generator)
        for _ in range(3):
            network.train()(torch.randn(4, 3, px, px, generator=generator))
    return network.eval()


NETWORKS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "all lambda": (lambda: lb.create_model("resnet50_llll", num_classes=10, scope=7), "37 of 85 batch norms"),
    "with gates": (lambda: lb.create_model("lambda_resnet50", num_classes=10, scope=7), "52 of 64 batch norms"),
    "mobile": (lambda: lb.create_model("mobilenet_v2_lambda", num_classes=10), "50 of 56 batch norms"),
    "features": (
        lambda: lb.create_model("resnet50_llll", features_only=True, out_indices=(1, 4)),
        "37 of 85 batch norms",
    ),
    "timm's": (lambda: timm.create_model("lambda_resnet26t", num_classes=10), "28 of 37 batch norms"),
    "timm's accelerated": (
        lambda: lb.accelerate(timm.create_model("lambda_resnet26t", num_classes=10)),
        "28 of 37 batch norms",
    ),
    "convolution padded as it runs": (
        lambda: timm.create_model("tf_mobilenetv3_small_minimal_100"),
        "34 of 34 batch norms",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_answers_stay_equal(name: str) -> None:
    make, count = NETWORKS[name]
    torch.manual_seed(0)
    network = seen(make(), 64)
    x = torch.randn(2, 3, 64, 64)
    last = torch.channels_last
    with torch.no_grad():
        double = copy.deepcopy(network).double()
        exact = double(x.double())
        assert_near(lb.fold(double)(x.double()), exact, 1e-12)
        folded = lb.fold(network)
        assert told(folded) == count
        assert_near(folded(x), exact, 1e-5)
        if not any(
            parameter.dim() == 5 for parameter in folded.parameters()
        ):  # timm's lambda layers have no channels_last form
            assert_near(folded.to(memory_format=last)(x.to(memory_format=last)), exact, 1e-5)


def assert_near(result: Any, exact: Any, share: float) -> None:
    """Of one map or several, by the largest value."""
    pairs = zip(result, exact, strict=True) if isinstance(exact, list) else [(result, exact)]
    for item, want in pairs:
        assert (item - want).abs().max() <= share * want.abs().max()


class Pair(nn.Module):
    """A convolution and its norm, used as subclasses say."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3, **options)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class KeepsTheMap(Pair):
    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.norm(y) + y


class CallsTwice(Pair):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(self.conv(x)))


class NormsTwice(Pair):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.norm(self.conv(x)))


class ReadsTheWeight(Pair):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) * self.conv.weight.sum()


class Between(Pair):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x).relu())


class LooksAtNumbers(Pair):
    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) if x.sum() > 0 else self.conv(x)


class HasOptions(Pair):
    def forward(self, x: Tensor, raw: bool = False) -> Tensor:
        return self.conv(x) if raw else self.norm(self.conv(x))


class ReachesInside(nn.Module):
    """Calls a part of another module as well as the whole."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Pair()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + self.inner.conv(x)


class Notes(Pair):
    """Keeps what it met."""

    last: Any = None

    def forward(self, x: Tensor) -> Tensor:
        self.last = x
        return super().forward(x)


def hooked() -> nn.Module:
    pair = Pair()
    pair.conv.register_forward_hook(lambda module, given, output: None)
    return pair


def shared() -> nn.Module:
    first, second = Pair(), Pair()
    second.norm = first.norm
    return nn.Sequential(first, second)


def parametrized() -> nn.Module:
    pair = Pair()
    nn.utils.parametrizations.weight_norm(pair.conv)
    return pair


OTHERS: dict[str, Callable[[], nn.Module]] = {
    "keeps the map": KeepsTheMap,
    "calls twice": CallsTwice,
    "norms twice": NormsTwice,
    "reads the weight": ReadsTheWeight,
    "something between": Between,
    "looks at numbers": LooksAtNumbers,
    "has options": HasOptions,
    "reaches inside": ReachesInside,
    "hooked": hooked,
    "shared": shared,
    "parametrized": parametrized,
    "no statistics": lambda: Pair(track_running_stats=False),
    "standardised": lambda: nn.Sequential(timm.layers.ScaledStdConv2d(3, 3, 1), nn.BatchNorm2d(3)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_somebody_else_uses_stays(name: str) -> None:
    network = OTHERS[name]().eval()
    with pytest.raises(LambdabenchError, match="has no batch norm that directly follows a convolution"):
        lb.fold(network)


def test_a_forward_that_keeps_what_it_met_meets_no_stand_in() -> None:
    network = lb.fold(Notes().eval())
    assert network.last is None
    assert told(network) == "1 of 1 batch norms"


def test_folding_is_for_inference() -> None:
    with pytest.raises(LambdabenchError, match=r"Pair trains; call eval\(\) first"):
        lb.fold(Pair())
    network = lb.fold(Pair().eval())
    with pytest.raises(LambdabenchError, match="folded batch norms is for inference"):
        network.train()
    assert not network.eval().training


def case(mode: Any = "inference", **options: Any) -> Case:
    given: dict[str, Any] = {"device": "cpu", "batch_size": 2, "image_px": 8, "param_dtype": "float32", "threads": 1}
    return Case(model="m", mode=mode, options=options_from(options), **given)


def workload(*body: nn.Module) -> Classification:
    return Classification(network=nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten()), classes=3)


def test_a_case_says_that_it_ran_folded() -> None:
    for option, wanted in ((True, "1 of 1 batch norms"), (False, "")):
        session = torch_eager.open_session(workload(Pair()), case(fold=option), 0)
        assert session.effective(session.call()).folded == wanted


def test_a_case_that_cannot_be_folded_says_why() -> None:
    with pytest.raises(UnsupportedError, match="batch norms fold in inference only; leave out fold"):
        torch_eager.open_session(workload(Pair()), case(mode="train", fold=True), 0)
    with pytest.raises(UnsupportedError, match="no batch norm that directly follows a convolution; leave out fold"):
        torch_eager.open_session(workload(nn.Conv2d(3, 3, 1)), case(fold=True), 0)
