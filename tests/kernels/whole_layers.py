"""Shapes of whole lambda layers, and such a layer of the compiled kernel beside the portable one in float64."""

from typing import Any

import torch
from hypothesis import strategies as st
from torch import nn

from lambdabench import layers

SHAPES = st.fixed_dictionaries(
    {
        "b": st.integers(1, 3),
        "size": st.tuples(st.integers(1, 34), st.integers(1, 34)),
        "heads": st.integers(1, 9),
        "key_depth": st.integers(1, 17),
        "value_depth": st.integers(1, 34),
        "scope": st.sampled_from((1, 3, 7, 23, "global")),
        "without": st.sampled_from(("", "content", "position")),
        "normalize": st.sampled_from(("softmax", "no_batch_norm")),
        "layout": st.sampled_from((torch.contiguous_format, torch.channels_last)),
        "threads": st.integers(1, 3),
    }
)


def pair(shape: dict[str, Any], *, training: bool = False) -> tuple[nn.Module, nn.Module]:
    """A layer of the compiled kernel, and the portable one in float64 with its weights."""
    torch.manual_seed(0)
    options = {key: shape[key] for key in ("heads", "key_depth", "scope", "normalize")} | {"size": shape["size"]}
    if shape["without"]:
        options[shape["without"]] = False
    dim_out = shape["heads"] * shape["value_depth"]
    fast = layers.create("lambda_layer", 12, dim_out=dim_out, kernel="cpu", **options)
    for module in fast.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                assert tensor is not None
                nn.init.uniform_(tensor, 0.5, 2.0)
    wide = layers.create("lambda_layer", 12, dim_out=dim_out, kernel="conv2d", **options).double()
    wide.load_state_dict({name: item.double() for name, item in fast.state_dict().items()})
    return fast.train(training), wide.train(training)


USUAL: dict[str, Any] = {"b": 2, "size": (9, 10), "heads": 4, "key_depth": 16, "value_depth": 8, "scope": 7} | {
    "without": "",
    "normalize": "softmax",
}
