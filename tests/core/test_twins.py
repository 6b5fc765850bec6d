"""Names of weights in torch and in JAX, both ways."""

import numpy as np
import pytest

from lambdabench.core import twins

LEAVES = [
    ("c2.0.conv1.weight", "c2.0.conv1.kernel", (8, 4, 3, 2)),
    ("head.weight", "head.kernel", (5, 7)),
    ("bn1.weight", "bn1.scale", (4,)),
    ("bn1.bias", "bn1.bias", (4,)),
    ("bn1.running_mean", "bn1.mean", (4,)),
    ("bn1.running_var", "bn1.var", (4,)),
    ("spatial.embeddings", "spatial.embeddings", (2, 3, 5, 4)),
    ("pos_embed", "pos_embed", (1, 3, 4)),
    ("weight", "kernel", (2, 3)),
    ("blocks.0.strange_leaf", "blocks.0.strange_leaf", (3, 2)),
]


@pytest.mark.parametrize(("torch_name", "jax_name", "shape"), LEAVES)
def test_every_leaf_goes_there_and_comes_back(torch_name: str, jax_name: str, shape: tuple[int, ...]) -> None:
    value = np.arange(np.prod(shape)).reshape(shape)
    there = twins.to_jax(torch_name, value.ndim)
    assert there is not None
    assert there[0] == jax_name
    turned = value if there[1] is None else value.transpose(there[1])
    name, order = twins.to_torch(jax_name, turned.ndim)
    assert name == torch_name
    np.testing.assert_array_equal(turned if order is None else turned.transpose(order), value)
    assert order == twins.inverse(there[1])


def test_kernels_have_their_axes_where_nnx_has_them() -> None:
    assert twins.to_jax("conv.weight", 4) == ("conv.kernel", (2, 3, 1, 0))  # OIHW to HWIO
    assert twins.to_torch("conv.kernel", 4) == ("conv.weight", (3, 2, 0, 1))
    assert twins.to_jax("fc.weight", 2) == ("fc.kernel", (1, 0))


def test_counts_of_batches_have_no_twin() -> None:
    assert twins.to_jax("bn1.num_batches_tracked", 0) is None


@pytest.mark.parametrize(
    ("names", "jax"),
    [
        (["conv.kernel", "bn.scale", "bn.bias", "bn.mean", "bn.var"], True),
        (["conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.num_batches_tracked"], False),
        (["attention.scale", "fc.weight", "norm.weight"], False),
        (["embeddings", "bias"], False),
        ([], False),
    ],
)
def test_names_say_whose_they_are(names: list[str], jax: bool) -> None:
    assert twins.are_jax(names) is jax


def test_the_list_in_a_sequential_does_not_count_unless_a_module_is_called_so() -> None:
    assert twins.without_lists("c2.layers.0.conv1.kernel", {"c2.0.conv1.kernel"}) == "c2.0.conv1.kernel"
    assert twins.without_lists("layers.0.fc.kernel", {"layers.0.fc.kernel"}) == "layers.0.fc.kernel"
    assert twins.without_lists("layers.0.strange", {"other"}) == "layers.0.strange"
