"""Replays from files to a page."""

import json
import math
import os
from pathlib import Path

import pytest

from lambdabench.analysis import race_proof
from lambdabench.analysis.race_replay import course, replay
from lambdabench.core.errors import FactError

TABLES = "LAMBDABENCH_TIMM_TABLES"


def tables(folder: Path, count: int = 60) -> list[str]:
    """Three devices and accuracies of networks that are slower the more accurate they are."""
    head = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,infer_gmacs,infer_macts\n"
    paths = [folder / f"benchmark-infer-amp-{name}.csv" for name in ("nchw-one", "nhwc-one", "cpu-two")]
    for number, path in enumerate(paths):
        rows = [
            f"{chr(97 + place % 5)}net{place},224,{1000 / (1 + place) * (1 + 0.03 * ((place * 7 + number * 3) % 5))},1,1,{1 + place},"
            f"{0.1 * (1 + place)},{1 + place % 11}\n"
            for place in range(count)
        ]
        path.write_text(head + "".join(rows))
    accuracies = folder / "results-imagenet.csv"
    names = [
        f"{chr(97 + place % 5)}net{place}.in1k,224,{60 + 20 * (place % 13) / 13 + place / 9}\n"
        for place in range(count)
    ]
    accuracies.write_text("model,img_size,top1\n" + "anet0.worse,224,1.0\n" + "".join(names))
    return [*map(str, paths), str(accuracies)]


def test_a_page_and_its_rows_come_of_tables(tmp_path: Path) -> None:
    out = tmp_path / "out"
    race_proof.main([*tables(tmp_path), "--folder", str(out), "--seeds", "1"])
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]
    assert len({(row["device"], *row["sources"]) for row in rows if not row["noise"]}) == 9
    page = (out / "index.md").read_text()
    assert "| one nhwc, two | one | 60 |" in page
    assert "| two | 3 % | yes |" in page
    for row in rows:
        assert row["result"]["found"] <= row["result"]["front"]


def test_tables_without_accuracies_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FactError, match="expected one such and two benchmark tables at least"):
        race_proof.main(tables(tmp_path)[:3])
    speeds, _ = race_proof.load([Path(table) for table in tables(tmp_path)])
    with pytest.raises(ValueError, match="no network is in"):
        course(speeds, ["amp-nchw-one"], "amp-cpu-two", {})


@pytest.mark.skipif(TABLES not in os.environ, reason=f"{TABLES} names no folder with timm's published tables")
def test_published_gpus_tell_a_third_one() -> None:
    folder = Path(os.environ[TABLES])
    speeds, top1 = race_proof.load([*folder.glob("benchmark-infer-*.csv"), folder / "results-imagenet.csv"])
    names = [source.name for source in speeds.sources if "5090" not in source.name]
    device = next(source.name for source in speeds.sources if "5090" in source.name)
    result = replay(course(speeds, names, device, top1))
    assert result.front == 33
    assert result.found >= 0.95 * result.front
    assert result.share < 0.12
    assert math.fsum(result.lost) / len(result.lost) <= 0.005
