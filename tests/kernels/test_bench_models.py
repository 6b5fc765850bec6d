"""An all-lambda ResNet-50 with our layer beside the same network with lambda-networks' layer: equal answers, times in turns,
eager beside eager and compiled beside compiled, ours with batch norms folded as well.

`pytest tests/kernels --benchmark-only` measures at 224 pixels and scope 23; the ratios are under "extra_info" and never asserted.
"""

import copy
import shutil
import statistics
import time
import warnings
from typing import Any

import pytest

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("lambda_networks")
pytest.importorskip("pytest_benchmark")

import lambdabench as lb  # noqa: E402 (torch may be absent)
from lambdabench import models  # noqa: E402
from lambdabench.kernels import _cpu  # noqa: E402
from lambdabench.layers.lambda_layer.torch import LambdaLayer  # noqa: E402

pytestmark = pytest.mark.skipif(bool(_cpu.problem()), reason=_cpu.problem() or "built")
NETWORK, SCOPE, ROUNDS = "resnet50_llll", 23, 7


def with_theirs(network: Any) -> Any:
    """The network with lambda-networks' layers of equal weights in it."""
    changed = copy.deepcopy(network)
    for name, item in list(changed.named_modules()):
        if isinstance(item, LambdaLayer):
            place, _, leaf = name.rpartition(".")
            setattr(changed.get_submodule(place), leaf, torch.nn.Sequential(_theirs(item), item.pool))
    return changed.eval()


def _theirs(ours: LambdaLayer) -> Any:
    assert ours.to_keys is not None
    assert ours.embeddings is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = theirs.LambdaLayer(
            dim=ours.to_queries.in_channels,
            dim_out=ours.heads * ours.value_depth,
            dim_k=ours.key_depth,
            heads=ours.heads,
            dim_u=1,
            r=ours.embeddings.shape[-1],
        )
    with torch.no_grad():
        for to, given in (
            (layer.to_q.weight, ours.to_queries.weight),
            (layer.to_k.weight, ours.to_keys.weight),
            (layer.to_v.weight, ours.to_values.weight),
            (layer.pos_conv.weight, ours.embeddings[:, :, None]),
        ):
            to.copy_(given)
        layer.pos_conv.bias.zero_()
    layer.norm_q.load_state_dict(ours.norm_queries.state_dict())
    layer.norm_v.load_state_dict(ours.norm_values.state_dict())
    return layer


def networks() -> dict[str, Any]:
    """In the layout that is fastest for each: theirs refuses channels last in its convolution's weight."""
    torch.manual_seed(0)
    ours = models.create(NETWORK, scope=SCOPE, num_classes=10)
    with torch.no_grad():
        for name, item in ours.named_modules():
            if name.endswith("bn3"):  # which start at zero: no answer would tell of the layers before them
                item.weight.fill_(0.5)
        for _ in range(5):  # running statistics that keep activations in range
            ours.train()(torch.randn(4, 3, 64, 64))
    ours.eval()
    last = copy.deepcopy(ours).to(memory_format=torch.channels_last)
    return {
        "ours": ours,
        "ours channels_last": last,
        "ours channels_last folded": lb.fold(copy.deepcopy(last)),
        "lambda_networks": with_theirs(ours),
    }


def measure(benchmark: Any, made: dict[str, Any], x: Any, rounds: int) -> None:
    """Times in turns, as ratios; the answers are compared."""
    inputs = {name: x.to(memory_format=torch.channels_last) if "last" in name else x for name in made}
    times: dict[str, list[float]] = {name: [] for name in made}
    answers: dict[str, Any] = {}

    def in_turns() -> None:
        for name, network in made.items():
            start_s = time.perf_counter()
            with torch.inference_mode():
                answers[name] = network(inputs[name])
            times[name].append(time.perf_counter() - start_s)

    benchmark.pedantic(in_turns, rounds=rounds, warmup_rounds=1)
    medians = {name: statistics.median(values[1:] or values) for name, values in times.items()}
    benchmark.extra_info |= {f"times of {name}": medians["lambda_networks"] / value for name, value in medians.items()}
    largest = float(answers["lambda_networks"].abs().max())
    for name, item in answers.items():
        assert (item - answers["lambda_networks"]).abs().max() <= 1e-4 * largest, name


@pytest.mark.parametrize("batch_size", [1, 8])
def test_an_all_lambda_resnet50_beside_lambda_networks(
    benchmark: Any, batch_size: int, request: pytest.FixtureRequest
) -> None:
    whole = request.config.getoption("--benchmark-only")
    if batch_size > 1 and not whole:
        pytest.skip("at 224 pixels with --benchmark-only")
    x = torch.randn(batch_size, 3, *([224, 224] if whole else [64, 64]))
    measure(benchmark, networks(), x, ROUNDS if whole else 1)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_compiled_beside_compiled(benchmark: Any, batch_size: int, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--benchmark-only"):
        pytest.skip("Inductor takes minutes for three networks: with --benchmark-only")
    if shutil.which("g++") is None:
        pytest.skip("torch.compile needs g++ on a CPU")
    torch.compiler.reset()
    made = {name: torch.compile(item, dynamic=False) for name, item in networks().items() if name != "ours"}
    measure(benchmark, made, torch.randn(batch_size, 3, 224, 224), ROUNDS)
    assert not torch._dynamo.utils.counters["graph_break"]
