"""Each network's quickest runtime, with what it is ahead of; networks of 8-bit integers are others."""

from typing import Any

import pandas as pd
import pytest

from lambdabench.analysis.best_runtimes import best_runtimes, cells, is_asked


def line(backend: str, ms: float, **changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "case_id": f"{backend}{ms}",
        "fingerprint": "f",
        "kind": "model",
        "model": "resnet50",
        "image_px": 224,
        "batch_size": 1,
        "device": "cpu",
        "device_name": "a cpu",
        "mode": "inference",
        "dtype": "float32",
        "options": "{}",
        "status": "ok",
        "backend": backend,
        "latency": ms / 1e3,
        "latency_low": 0.98 * ms / 1e3,
        "latency_high": ms / 1e3 / 0.98,
    }
    return known | changes


def test_the_quickest_stands_beside_the_next_and_beside_eager() -> None:
    lines = [line("torch_eager", 30.0), line("onnxruntime", 20.0), line("openvino", 15.0)]
    (best,) = best_runtimes(pd.DataFrame(lines))
    assert (best.backend, best.following) == ("openvino", "onnxruntime")
    assert best.lead is not None
    assert best.lead.value == pytest.approx(20 / 15)
    assert best.over_eager is not None
    assert best.over_eager.low < 2.0 < best.over_eager.high
    assert cells(best)[1] == "224 px, b=1"


def test_failures_other_sizes_and_integers_are_not_beside_it() -> None:
    lines = [
        line("torch_eager", 30.0),
        line("openvino", 5.0, status="wrong_output", latency=None),
        line("onnxruntime", 4.0, options='{"quantize":"static"}'),
        line("onnxruntime", 3.0, batch_size=4),
    ]
    assert best_runtimes(pd.DataFrame(lines)) == ()
    assert best_runtimes(pd.DataFrame(lines[:0])) == ()


def test_eager_itself_is_the_quickest_where_it_is() -> None:
    (best,) = best_runtimes(pd.DataFrame([line("torch_eager", 10.0), line("onnxruntime", 20.0)]))
    assert (best.backend, cells(best)[-1]) == ("torch_eager", "1")


def test_suites_ask_for_it_by_one_front_over_runtimes() -> None:
    assert is_asked(("backend", "dtype"))
    assert not is_asked(("dtype",))
