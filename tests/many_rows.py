"""Writes a folder of many rows, to see how long reading takes: python tests/many_rows.py FOLDER [--rows 1000000] [--files 1000].

With --compact the files are made one afterwards, and the cases of one model are looked at before and after (reports/fleet/reading.md)."""

import argparse
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lambdabench import store
from lambdabench.analysis import pareto, table
from lambdabench.core.record import Effective, Measurement, Noise, Record
from lambdabench.core.spec import Case, Environment
from lambdabench.store.columns import cells

METRICS = {"latency": "s/step", "throughput": "image/s", "peak_memory": "B", "parameters": "1"}
MODELS = ("resnet50", "resnet18", "efficientnet_b0", "convnext_tiny", "levit_256", "lambda_resnet26t")


def write(folder: Path, rows: int, files: int) -> None:
    """Cases of one process each, a row a metric, each run a file of its own."""
    cases = rows // files // len(METRICS)
    for run in range(files):
        pq.write_table(
            _table(run, cases), folder / f"run{run:05d}.parquet", compression="zstd", write_page_checksum=True
        )


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
    """Reads, filters to one model and finds its front; prints the seconds, of the clock and of processors."""
    stamps = [(time.perf_counter(), time.process_time())]
    rows = store.read(folder, table.NEEDED, coded=True)
    stamps.append((time.perf_counter(), time.process_time()))
    points = pareto.pareto(table.wide(store.newest(rows[rows["model"] == MODELS[0]])), x="throughput", y="parameters")
    stamps.append((time.perf_counter(), time.process_time()))
    spent = [f"{after[0] - before[0]:.2f} s ({after[1] - before[1]:.2f} CPU)" for before, after in pairwise(stamps)]
    print(f"{name}: {len(rows)} rows: read {spent[0]}, filter, table and front of {len(points)} cases {spent[1]}")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--files", type=int, default=1000)
    asked.add_argument("--compact", action="store_true")
    given = asked.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    write(given.folder, given.rows, given.files)
    if given.compact:
        for name in ("as written", "compacted"):
            _look(given.folder, name)
            _look(given.folder, name)
            store.compact(given.folder, 0.0)
        return
    for _ in range(2):
        begun_s, cpu_s = time.perf_counter(), time.process_time()
        rows = store.read(given.folder, table.NEEDED, coded=True)
        read_s = time.perf_counter()
        points = pareto.pareto(table.wide(store.newest(rows)), x="throughput", y="parameters")
        done_s = time.perf_counter()
        store.runs(given.folder)
        print(
            f"{len(rows)} rows, {len(points)} cases: read {read_s - begun_s:.1f} s, newest, table and front {done_s - read_s:.1f} s "
            f"({time.process_time() - cpu_s:.1f} CPU seconds with runs), runs {time.perf_counter() - done_s:.1f} s"
        )


if __name__ == "__main__":
    main()
