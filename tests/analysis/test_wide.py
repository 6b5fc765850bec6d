"""The wide table against the same case by case, on random rows; and that it does not walk case by case."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis import table
from lambdabench.analysis.estimate import Spread, combine, pool_spread
from lambdabench.core.record import Record
from lambdabench.facts import accuracies

METRICS = ("latency", "throughput", "peak_memory", "flops")
STATUSES = ("ok", "ok", "ok", "ok", "noisy", "oom", "skipped", "unsupported")


def rows_of(seed: int, cases: int, make_record: Callable[..., Record], folder: Path) -> pd.DataFrame:
    """Random rows: cases of some environments with some processes, some of which failed, some far apart."""
    drawn = np.random.default_rng(seed)
    records: list[Record] = []
    for case in range(cases):
        cell: dict[str, Any] = {
            "case_id": f"c{case}",
            "model": str(drawn.choice(["resnet50", "resnet50_llll", "vit_small_patch16_224", "nobody"])),
            "image_px": int(drawn.choice([224, 256])),
            "batch_size": int(drawn.choice([1, 4])),
            "requested_batch_size": int(drawn.choice([4, 8])),
            "mode": str(drawn.choice(["inference", "features"])),
            "backend": str(drawn.choice(["torch_eager", "fake"])),
            "options": [(), (("scope", 7),), (("kernel", "einsum"), ("weights", "seeded"))][drawn.integers(3)],
            "fingerprint": str(drawn.choice(["f0", "f1"])),
            "device": str(drawn.choice(["cpu", "cuda:0"])),
        }
        width = float(drawn.choice([0.01, 1.0]))
        for replicate in range(drawn.integers(1, 4)):
            status = str(drawn.choice(STATUSES))
            text = {**cell, "replicate": replicate, "status": status, "flags": str(drawn.choice(["", "capped", "b,a"]))}
            text["started_at"] = f"2026-01-{drawn.integers(1, 29):02d}T00:00:00.000+00:00"
            names = METRICS if status in ("ok", "noisy") else (None,)
            records += [make_record(name, float(drawn.lognormal(0, width)), **text, reason=status) for name in names]
    store.write([records[place] for place in drawn.permutation(len(records))], folder / "a.parquet")
    return store.newest(store.read(folder))


def slowly(newest: pd.DataFrame) -> pd.DataFrame:
    """The wide table, case by case, as its docstring has it."""
    known = {key: spread_of(same) for key, same in newest.groupby(table.MACHINE)}
    rows: list[dict[str, Any]] = []
    for _, group in newest.groupby(table.ONE, sort=False):
        worst = next(name for name in table.WORST_FIRST if name in set(group["status"]))
        first = group[group["status"] == worst].iloc[0]
        row = {name: first[name] for name in table.settings_in(newest)} | {"status": worst, "reason": first["reason"]}
        row["flags"] = ",".join(sorted({flag for text in group["flags"] for flag in text.split(",") if flag}))
        row["started_at"] = group["started_at"].max()
        row |= {f"options.{key}": item for key, item in json.loads(first["options"]).items()}
        usable = group[(group["status"] == "ok") & group["metric"].notna()]
        far = [metric for metric in table.timed() if is_apart(usable[usable["metric"] == metric]["value"])]
        if worst == "ok" and far:
            row["status"], row["reason"] = "noisy", ""
            usable = usable[~usable["metric"].isin(table.timed())]
        for metric, same in usable.groupby("metric"):
            row |= numbers(str(metric), same, known[tuple(group[table.MACHINE].iloc[0])])
        steps = row["requested_batch_size"] / row["batch_size"]
        row |= {
            f"normalized_{name}": steps * row[name]
            for name in ("latency", "latency_low", "latency_high")
            if name in row
        }
        rows.append(row)
    return pd.DataFrame(rows)


def spread_of(newest: pd.DataFrame) -> Spread | None:
    timed = newest[(newest["metric"] == "latency") & (newest["status"] == "ok")]
    return pool_spread([same["value"].tolist() for _, same in timed.groupby(table.ONE)])


def is_apart(values: pd.Series) -> bool:
    return len(values) > 0 and values.max() > table.APART * values.min()


def numbers(metric: str, same: pd.DataFrame, known: Spread | None) -> dict[str, Any]:
    values = same["value"].tolist()
    result: dict[str, Any] = {
        metric: sum(values) / len(values),
        f"{metric}_processes": len(values),
        f"{metric}_origin": "measured",
    }
    if metric in table.timed():
        estimate = combine(values, list(zip(same["low"], same["high"], strict=True)), spread=known, samples=0)
        assert estimate is not None
        return result | {
            metric: estimate.value,
            f"{metric}_low": estimate.low,
            f"{metric}_high": estimate.high,
            f"{metric}_covers": estimate.covers,
        }
    if len(values) > 1:
        result |= {f"{metric}_least": min(values), f"{metric}_most": max(values)}
    return result


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("coded", [False, True])
def test_all_cases_at_once_are_as_each_by_itself(
    seed: int, coded: bool, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    newest = rows_of(seed, 40, make_record, tmp_path)
    expected = slowly(newest)
    if coded:
        newest = store.newest(store.read(tmp_path, table.NEEDED, coded=True))
    rows = table.wide(newest)
    assert set(expected) == {name for name in rows if not name.startswith("top1")}
    apart = rows["reason"].str.contains("differs by a factor")
    assert apart.any()
    expected.loc[apart, "reason"] = rows["reason"]
    for name in expected:
        pd.testing.assert_series_equal(rows[name], expected[name], rtol=1e-12, check_dtype=False)


def test_texts_are_texts_whatever_was_read(make_record: Callable[..., Record], tmp_path: Path) -> None:
    rows_of(0, 20, make_record, tmp_path)
    plain = table.wide(store.newest(store.read(tmp_path)))
    coded = table.wide(store.newest(store.read(tmp_path, table.NEEDED, coded=True)))
    pd.testing.assert_frame_equal(plain, coded)


def test_the_work_in_python_does_not_grow_with_the_cases(
    make_record: Callable[..., Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest, counted, load = rows_of(1, 400, make_record, tmp_path), 0, json.loads

    def count(text: str) -> Any:
        nonlocal counted
        counted += 1
        return load(text)

    monkeypatch.setattr(json, "loads", count)
    assert len(table.wide(newest)) == 400
    networks = 4 * 2 * 2 * 2 * 3
    assert counted <= networks + 3, "options are read once a text, accuracies once a network"


@pytest.mark.parametrize(
    ("options", "backend", "top1"),
    [
        ((), "fake", 78.4),
        ((("latency_s", 0.1), ("parameters", 5)), "fake", 78.4),
        ((("intra_depth", 4), ("latency_s", 0.1), ("scope", 7)), "fake", 78.9),
        ((("latency_s", 0.1), ("scope", 9)), "fake", None),
        ((("weights", "seeded"),), "torch_eager", 78.4),
        ((("intra_depth", 4), ("scope", 7), ("weights", "seeded")), "jax_jit", 78.9),
    ],
)
def test_an_accuracy_is_of_the_network_whoever_ran_it_with_whatever_weights(
    options: Any, backend: str, top1: float | None, make_record: Callable[..., Record], tmp_path: Path
) -> None:
    store.write([make_record(model="resnet50_llll", backend=backend, options=options)], tmp_path / "a.parquet")
    assert table.wide(store.newest(store.read(tmp_path)))["top1"].tolist() == [top1]


def test_published_networks_have_no_scripted_options() -> None:
    from lambdabench.core.options import SCRIPTED

    assert not SCRIPTED & {key for accuracy in accuracies() for key, _ in accuracy.options}
