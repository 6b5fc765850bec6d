"""Writes a folder of many rows, to see how long reading takes: python tests/many_rows.py FOLDER [--rows 1000000] [--files 1000].

Twice as it is, and once more with ten files more; with --compact again after the files were made one (reports/fleet/reading.md). What is
kept of a read lies in a cache folder of its own, which is gone afterwards."""

import argparse
import os
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from lambdabench import store
from lambdabench.analysis import pareto, table
from lambdabench.core import caches
from lambdabench.core.record import Effective, Measurement, Noise, Record
from lambdabench.core.spec import Case, Environment
from lambdabench.store.columns import cells
from lambdabench.store.files import write_table

METRICS = {"latency": "s/step", "throughput": "image/s", "peak_memory": "B", "parameters": "1"}
SETTLED_S = 2.5
"""After which files are known by their times."""
MODELS = ("resnet50", "resnet18", "efficientnet_b0", "convnext_tiny", "levit_256", "lambda_resnet26t")


def write(folder: Path, rows: int, files: int, first: int = 0) -> None:
    """Cases of one process each, a row a metric, each run a file of its own, as runs write them."""
    cases = rows // files // len(METRICS)
    for run in range(first, first + files):
        write_table(_table(run, cases), folder / f"run{run:05d}.parquet")


def _table(run: int, cases: int) -> pa.Table:
    drawn, count = np.random.default_rng(run), cases * len(METRICS)
    case = np.repeat(np.arange(cases), len(METRICS))
    value = drawn.lognormal(size=count)
    changed = {
        "run_id": [f"run{run:05d}"] * count,
        "run_order": [1_700_000_000_000 + 1000 * run] * count,
        "case_id": [f"{(run * cases + item) * 2654435761 % 2**48:012x}" for item in case],
        "model": [MODELS[item % len(MODELS)] for item in case],
        "image_px": 224 + 32 * (case % 4),
        "batch_size": 1 + case % 64,
        "options": [f'{{"scope":{item % 7}}}' if item % 3 else "{}" for item in case],
        "metric": list(METRICS) * cases,
        "unit": list(METRICS.values()) * cases,
        "value": value,
        "low": 0.99 * value,
        "high": 1.01 * value,
    }
    schema = store.schema()
    same = cells(_record())
    columns = [pa.array(changed.get(item.name, [same[item.name]] * count), item.type) for item in schema]
    return pa.table(columns, schema=schema)


def _record() -> Record:
    return Record(
        run_id="",
        started_at="2026-01-01T00:00:00.000+00:00",
        suite="s",
        case_id="",
        fingerprint="f00",
        replicate=0,
        case=Case(model="", device="cpu", image_px=224, threads=2, param_dtype="float32"),
        weights="random",
        requested_batch_size=1,
        device_name="a cpu",
        status="ok",
        flags="",
        reason="",
        measurement=Measurement(
            metric="", unit="", value=1.0, samples=tuple(1 + 0.001 * number for number in range(20))
        ),
        effective=Effective(),
        environment=Environment(lambdabench="0.1.0", cpu="a cpu", cpu_flags="", cores=2, memory_gib=24),
        noise=Noise(),
    )


def _look(folder: Path, name: str) -> None:
    """Reads, finds the front of one model's cases, and that of all; prints the seconds, of the clock and of processors."""
    stamps = [_now()]
    rows = store.read(folder, table.NEEDED, coded=True)
    stamps.append(_now())
    some = _front(rows[rows["model"] == MODELS[0]])
    stamps.append(_now())
    every = _front(rows)
    stamps.append(_now())
    store.runs(folder)
    stamps.append(_now())
    spent = [f"{after[0] - before[0]:.2f} s ({after[1] - before[1]:.2f} CPU)" for before, after in pairwise(stamps)]
    print(
        f"{name}: {len(rows)} rows: read {spent[0]}; filter, table and front of {some} cases {spent[1]}; table and front of all {every} "
        f"{spent[2]}; runs {spent[3]}; load {os.getloadavg()[0]:.1f}"
    )


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _front(rows: pd.DataFrame) -> int:
    """How many cases the front is of."""
    return len(pareto.pareto(table.wide(store.newest(rows)), x="throughput", y="parameters"))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--files", type=int, default=1000)
    asked.add_argument("--compact", action="store_true")
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    write(given.folder, given.rows, given.files)
    time.sleep(SETTLED_S)
    with tempfile.TemporaryDirectory() as cache:
        os.environ[caches.PLACE] = cache
        _front(store.read(min(given.folder.iterdir()), table.NEEDED, coded=True))  # what is imported once
        _look(given.folder, "first")
        _look(given.folder, "second")
        print(f"kept: {sum(path.stat().st_size for path in Path(cache).rglob('*.arrow')) / 1e6:.1f} MB")
        write(given.folder, 10 * given.rows // given.files, 10, given.files)
        _look(given.folder, "ten files more")
        if given.compact:
            begun_s = time.process_time()
            store.compact(given.folder, 0.0)
            print(f"compacted: {time.process_time() - begun_s:.1f} CPU s")
            _look(given.folder, "compacted")
            _look(given.folder, "compacted, again")


if __name__ == "__main__":
    main()
