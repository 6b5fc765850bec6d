"""Two versions of the package live in one process, and each runs its own code, forward and backward."""

import importlib
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import lambdabench
from lambdabench import layers

NAME = "a_second_version"
CHANGES = {
    "return self.pool(y.reshape(": "return self.pool(2 * y.reshape(",
    "gradient = gradients[0]": "gradient = 3 * gradients[0]",
}
"""What the copy computes differently: the output twice as large, the gradient of queries and values three times."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    folder = tmp_path_factory.mktemp("copy") / "anywhere"
    shutil.copytree(Path(lambdabench.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    edited = folder / "layers" / "lambda_layer" / "torch.py"
    text = edited.read_text()
    for old, new in CHANGES.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    edited.write_text(text)
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[NAME] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in [module for module in sys.modules if module.split(".")[0] == NAME]:
        del sys.modules[name]


def gradients(layer: torch.nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    output = layer.eval()(x)
    names = [name for name, _ in layer.named_parameters()]
    return output, dict(zip(names, torch.autograd.grad(output.sum(), list(layer.parameters())), strict=True))


def test_each_side_runs_its_own_code(copy: ModuleType) -> None:
    base = layers.create("lambda_layer", 8, heads=2, key_depth=4, scope=5)
    head = importlib.import_module(f"{NAME}.layers").create("lambda_layer", 8, heads=2, key_depth=4, scope=5)
    assert type(base).__module__.startswith("lambdabench.")
    assert type(head).__module__.startswith(f"{NAME}.")
    head.load_state_dict(base.state_dict())
    x = torch.randn(2, 8, 4, 4)
    (ours, our_gradients), (theirs, their_gradients) = gradients(base, x), gradients(head, x)
    torch.testing.assert_close(theirs, 2 * ours)
    for name, factor in {"to_keys.weight": 2, "norm_values.bias": 6, "to_queries.weight": 6, "embeddings": 2}.items():
        torch.testing.assert_close(their_gradients[name], factor * our_gradients[name], rtol=1e-4, atol=1e-5)


def test_a_model_of_the_copy_holds_layers_of_the_copy(copy: ModuleType) -> None:
    models = importlib.import_module(f"{NAME}.models")
    with torch.device("meta"):
        network = models.create("resnet50_cccl")
    names = {type(module).__module__.split(".")[0] for module in network.modules()}
    assert names == {NAME, "torch", "timm"}
    errors = importlib.import_module(f"{NAME}.core.errors")
    with pytest.raises(errors.UnknownNameError):
        models.create("no_such_network")
