"""Layers under ceilings: operations and bytes by hand, shares, what is not drawn without ceilings."""

import json
from typing import Any

import pandas as pd
import pytest

from lambdabench.core.errors import NothingMeasuredError
from lambdabench.plots import roofline

SAME = {
    "kind": "layer",
    "device": "cpu",
    "device_name": "a cpu",
    "dtype": "float32",
    "threads": 1,
    "fingerprint": "f00",
    "mode": "inference",
    "batch_size": 2,
    "image_px": 8,
}


def row(model: str, latency_s: float, options: dict[str, Any], **changes: Any) -> dict[str, Any]:
    times = {"latency": latency_s, "latency_low": 0.9 * latency_s, "latency_high": 1.1 * latency_s}
    return SAME | {"model": model, "options": json.dumps(options)} | times | changes


CEILINGS = [
    row("ceiling", 1e-3, {"dim": 100, "of": "product"}),  # 2 x 2 images x 64 positions x 100 x 100 FLOP: 2.56 GFLOP/s
    row("ceiling", 1e-3, {"dim": 100, "of": "copy"}),  # 2 x 4 bytes x 2 x 64 x 100: 0.1024 GB/s
]


def test_a_layer_has_its_share_of_what_its_intensity_allows() -> None:
    layer = row("convolution", 1e-2, {"dim": 10}, mode="train")
    drawing = roofline.draw(pd.DataFrame([*CEILINGS, layer]), title="T")
    (found,) = drawing.numbers.to_dict("records")
    flops, moved = 2 * 9 * 10 * 10 * 64 * 2, 4 * (2 * 64 * 20 + 900)
    assert found["intensity [FLOP/B]"] == pytest.approx(flops / moved)
    assert found["rate [FLOP/s]"] == pytest.approx(3 * flops / 1e-2)
    assert found["rate_low [FLOP/s]"] == pytest.approx(3 * flops / 1.1e-2)
    assert found["ceiling [FLOP/s]"] == pytest.approx(min(2.56e9, flops / moved * 0.1024e9))
    assert found["share of the ceiling"] == pytest.approx(found["rate [FLOP/s]"] / found["ceiling [FLOP/s]"])
    assert found["implementation"] == "convolution"


def test_implementations_of_a_shape_need_the_same_operations() -> None:
    shape = {"dim": 32, "scope": 7}
    rows = [
        row("lambda_layer", 1e-2, {**shape, "kernel": "cpu"}),
        row("lambda_layer", 2e-2, {**shape, "kernel": "conv2d"}),
        row("peer_lambda_layer", 4e-2, {**shape, "library": "timm"}),
    ]
    numbers = roofline.draw(pd.DataFrame([*CEILINGS, *rows]), title="T").numbers.set_index("implementation")
    rates = numbers["rate [FLOP/s]"]
    assert rates["cpu"] == pytest.approx(2 * rates["conv2d"]) == pytest.approx(4 * rates["timm"])


@pytest.mark.parametrize("changes", [{"fingerprint": "f01"}, {"threads": 2}, {"dtype": "bfloat16"}])
def test_ceilings_of_other_conditions_are_none(changes: dict[str, Any]) -> None:
    cases = pd.DataFrame([*CEILINGS, row("convolution", 1e-2, {"dim": 10}, **changes)])
    with pytest.raises(NothingMeasuredError, match="run --suite kernels"):
        roofline.draw(cases, title="T")
