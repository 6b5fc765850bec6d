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
    (result,) = drawing.numbers.to_dict("records")
    flops, moved = 2 * 9 * 10 * 10 * 64 * 2, 4 * (2 * 64 * 20 + 900)
    assert result["intensity [FLOP/B]"] == pytest.approx(flops / moved)
    assert result["rate [FLOP/s]"] == pytest.approx(3 * flops / 1e-2)
    assert result["rate_low [FLOP/s]"] == pytest.approx(3 * flops / 1.1e-2)
    assert result["ceiling [FLOP/s]"] == pytest.approx(min(2.56e9, flops / moved * 0.1024e9))
    assert result["share of the ceiling"] == pytest.approx(result["rate [FLOP/s]"] / result["ceiling [FLOP/s]"])
    assert result["implementation"] == "convolution"


def test_tf32_moves_the_bytes_of_float32() -> None:
    rows = [*CEILINGS, row("convolution", 1e-2, {"dim": 10})]
    (float32,), (tf32,) = (
        roofline.draw(pd.DataFrame([item | {"dtype": dtype} for item in rows]), title="T").numbers.to_dict("records")
        for dtype in ("float32", "tf32")
    )
    assert tf32["intensity [FLOP/B]"] == float32["intensity [FLOP/B]"]
    assert tf32["ceiling [FLOP/s]"] == float32["ceiling [FLOP/s]"]


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


def two_machines(**other: Any) -> pd.DataFrame:
    """One layer on two machines, on the second three times as slow; ceilings on both."""
    slow = [row("convolution", 3e-2, {"dim": 10}, **other), *(item | other for item in CEILINGS)]
    return pd.DataFrame([*CEILINGS, row("convolution", 1e-2, {"dim": 10}), *slow])


def test_no_series_and_no_mean_is_of_two_machines() -> None:
    drawing = roofline.draw(two_machines(device_name="another cpu", fingerprint="f01"), title="T")
    titles = [axes.get_title("left") for axes in drawing.figure.axes]
    assert titles == ["a cpu, forward", "another cpu, forward"]
    legends = [axes.get_legend().get_texts()[0].get_text() for axes in drawing.figure.axes]
    share = drawing.numbers["share of the ceiling"].tolist()
    assert share[0] == pytest.approx(3 * share[1])
    assert legends == [f"convolution: {100 * item:.0f} % ({100 * item:.0f} to {100 * item:.0f} %)" for item in share]


def test_environments_of_one_machine_are_series_and_ceilings_of_their_own() -> None:
    (axes,) = roofline.draw(two_machines(fingerprint="f01"), title="T").figure.axes
    series = [get_text.get_text().split(":")[0] for get_text in axes.get_legend().get_texts()]
    assert series == ["convolution, env f00", "convolution, env f01"]
    assert [text.get_text().split(":")[0] for text in axes.texts] == ["env f00", "env f01"]


def test_an_implementation_on_two_backends_is_two_series() -> None:
    rows = [*CEILINGS, *(row("convolution", 1e-2, {"dim": 10}, backend=name) for name in ("torch_eager", "jax_jit"))]
    numbers = roofline.draw(pd.DataFrame(rows), title="T").numbers
    assert list(numbers["series"]) == ["convolution, jax_jit", "convolution, torch_eager"]
