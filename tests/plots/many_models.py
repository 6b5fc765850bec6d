"""Made-up rows of as many models as are asked for, named as people name them, for every figure."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lambdabench.analysis.pareto import pareto

NAMES = (
    *(f"efficientnet_b{place}" for place in range(8)),
    *(f"lambda_resnet{size}" for size in ("26t", "26rpt_256", "50ts")),
    *(f"resnet50_{word}" for word in ("llll", "clll", "ccll", "cccl")),
    *(
        f"{word}_256"
        for word in ("levit", "levit_conv", "halonet26t", "botnet26t", "halo2botnet50ts", "lamhalobotnet50ts")
    ),
    *(f"{kind}_{size}_patch16_224" for kind in ("vit", "deit", "beit") for size in ("tiny", "small", "base", "large")),
    *(f"resnet{depth}{word}" for depth in (18, 26, 34, 50, 101, 152) for word in ("", "d", "s")),
    *(f"mobilenetv{number}_{size}" for number in (2, 3, 4) for size in ("small_100", "medium_100", "large_100")),
    *(
        f"convnext{version}_{size}"
        for version in ("", "v2")
        for size in ("atto", "femto", "pico", "nano", "tiny", "small", "base")
    ),
    *(f"swin_{size}_patch4_window{window}_224" for size in ("tiny", "small", "base") for window in (7, 8)),
    *(f"regnet{kind}_{size:03d}" for kind in "xy" for size in (2, 4, 6, 8, 16, 32, 40, 64, 80, 120, 160, 320)),
    *(f"coatnet_{size}_rw_224" for size in ("nano", "0", "1", "2", "bn_0", "rmlp_1")),
    *(f"maxvit_{size}_tf_{side}" for size in ("tiny", "small", "base", "large", "xlarge") for side in (224, 384, 512)),
    *(f"densenet{depth}" for depth in (121, 161, 169, 201)),
    *(f"tf_efficientnetv2_{size}_in21k" for size in ("b0", "b1", "b2", "b3", "s", "m", "l", "xl")),
    *(
        f"mobilevit{version}_{size}"
        for version in ("", "v2")
        for size in ("050", "075", "100", "125", "150", "175", "200")
    ),
    *(f"cait_{size}_{side}" for size in ("xxs24", "xxs36", "xs24", "s24", "s36", "m36") for side in (224, 384)),
    *(
        f"xcit_{size}_p{patch}_224"
        for size in ("nano_12", "tiny_12", "small_12", "medium_24", "large_24")
        for patch in (8, 16)
    ),
    *(f"hrnet_w{width}" for width in (18, 30, 32, 40, 44, 48, 64)),
    *(f"dla{depth}" for depth in (34, 60, 102, 169)),
    *(f"tinynet_{size}" for size in "abcde"),
    *(f"poolformer_{size}" for size in ("s12", "s24", "s36", "m36", "m48")),
    *(f"seresnext{depth}_32x{width}d" for depth in (26, 50, 101) for width in (4, 8)),
)
"""Of networks of every family."""
SAME = {
    "image_px": 224,
    "options": "{}",
    "dtype": "float32",
    "param_dtype": "float32",
    "mode": "inference",
    "device": "cpu",
    "devices": 1,
    "device_name": "a cpu",
    "backend": "torch_eager",
    "layout": "contiguous",
    "threads": 2,
    "fingerprint": "f00",
    "status": "ok",
    "reason": "",
    "started_at": "2026-01-02",
    "latency_covers": "one process",
    "throughput_covers": "one process",
    "top1_source": "a paper",
    "top1_tag": "a tag",
}
QUANTILES = {"p50": 1.0, "p95": 1.15, "p99": 1.5}


def models(count: int) -> list[str]:
    """So many names, of several families."""
    assert count <= len(NAMES)
    return [NAMES[place] for place in np.random.default_rng(5).permutation(len(NAMES))[:count]]


def cases(count: int, batches: Sequence[int] = (1, 4, 16, 64)) -> pd.DataFrame:
    """A wide table: slower is more accurate, as a rule; larger batches are faster, up to a point; every fifteenth model's largest
    batch did not fit."""
    drawn = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    for place, name in enumerate(models(count)):
        rate = float(np.exp(drawn.normal(3.6, 0.9)))
        half, top1 = float(drawn.uniform(0.5, 6)), float(92 - 3.2 * np.log(rate) + drawn.normal(0, 1.2))
        base, each = float(np.exp(drawn.normal(-2, 0.5))), float(np.exp(drawn.normal(-3.5, 0.6)))
        for batch in batches:
            row = SAME | {
                "model": name,
                "batch_size": batch,
                "requested_batch_size": batch,
                "case_id": f"{name}{batch}",
            }
            if batch == max(batches) > 1 and place % 15 == 14:
                rows.append(row | {"status": "oom", "reason": "8 GiB are there"})
                continue
            speed = rate * batch / (batch + half)
            row |= {"throughput": speed, "throughput_low": 0.96 * speed, "throughput_high": 1.03 * speed}
            seconds = batch / speed
            row |= {"latency": seconds, "latency_low": 0.97 * seconds, "latency_high": 1.04 * seconds}
            row |= {"top1": top1, "top1_low": top1 - 0.4, "top1_high": top1 + 0.4}
            row |= {"extra_memory": 2**30 * (each * batch), "peak_memory": 2**30 * (base + each * batch)}
            rows.append(row | _quantiles(seconds, place))
    return pd.DataFrame(rows)


def _quantiles(seconds: float, place: int) -> dict[str, float]:
    """Of a case's latency; p99 of every fourth model has no bound from above."""
    row = {"latency_calls": 120.0, "latency_visits": 59.0, "latency_longest": 2.2 * seconds}
    row |= {"latency_over": 0.14, "latency_over_low": 0.10, "latency_over_high": 0.19}
    for name, factor in QUANTILES.items():
        value = factor * seconds
        row |= {f"latency_{name}": value, f"latency_{name}_low": 0.96 * value, f"latency_{name}_calls": 110.0}
        row[f"latency_{name}_high"] = np.nan if name == "p99" and place % 4 == 3 else 1.06 * value
    return row


def points(count: int, batches: Sequence[int] = (4,)) -> pd.DataFrame:
    """The same as points of fronts."""
    return pareto(cases(count, batches))


def layers(count: int) -> pd.DataFrame:
    """A lambda layer of four sizes from each of so many libraries, forward, below the ceilings of one machine."""
    same = SAME | {"kind": "layer", "batch_size": 2}
    drawn = np.random.default_rng(3)
    rows = [
        same | {"model": "ceiling", "image_px": 8, "latency": seconds, "options": json.dumps({"dim": 100, "of": of})}
        for of, seconds in (("product", 2e-5), ("copy", 1e-4))
    ]
    for library in (f"library_{place:03d}" for place in range(count)):
        slowness = float(np.exp(drawn.normal(1.0, 0.8)))
        for dim, side in itertools.product((32, 128), (8, 32)):
            seconds = slowness * 8e-8 * dim * side**2 * float(np.exp(drawn.normal(0, 0.3)))
            options = json.dumps({"dim": dim, "library": library, "scope": 7})
            row = same | {"model": "peer_lambda_layer", "image_px": side, "options": options}
            rows.append(row | {"latency": seconds, "latency_low": 0.95 * seconds, "latency_high": 1.06 * seconds})
    return pd.DataFrame(rows)
