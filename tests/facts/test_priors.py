"""Published speeds are read from their tables, joined, and told with their sources."""

import math
import os
from pathlib import Path

import pytest

from lambdabench.core.errors import FactError
from lambdabench.facts import priors

HEAD = (
    "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,infer_gmacs,infer_macts\n"
)
TABLES = "LAMBDABENCH_TIMM_TABLES"


def table(folder: Path, name: str, rows: str) -> Path:
    path = folder / f"benchmark-infer-{name}.csv"
    path.write_text(HEAD + rows)
    return path


def test_tables_are_joined_on_architecture_and_size(tmp_path: Path) -> None:
    gpu = table(tmp_path, "amp-nchw-a", "resnet50,224,1000.0,1,1,25.56,4.11,11.11\nresnet50,288,500.0,1,1,,,\n")
    cpu = table(tmp_path, "fp32-cpu-b", "resnet50,288,20.0,1,1,25.56,6.8,18.37\n")
    out = tmp_path / "speeds.csv"
    assert priors.main([f"{gpu}@abcdef0", f"{cpu}@abcdef1", "--out", str(out)]) == 0
    lines = out.read_text().splitlines()
    assert lines[1].split()[1:3] == [
        "amp-nchw-a:",
        "https://github.com/huggingface/pytorch-image-models/blob/abcdef0/results/benchmark-infer-amp-nchw-a.csv",
    ]
    assert lines[-2] == f"resnet50,224,25.56,4.11,11.11,{math.log(1000):.3f},"
    assert (
        lines[-1] == f"resnet50,288,25.56,6.8,18.37,{math.log(500):.3f},{math.log(20):.3f}"
    )  # the other table counts it


def test_what_ships_names_its_sources_and_has_each_network_once() -> None:
    known = priors.priors()
    assert [source.kind for source in known.sources] == ["gpu", "gpu", "gpu", "cpu"]
    assert all(source.commit in source.url and len(source.sha256) == 64 for source in known.sources)
    keys = [(network.architecture, network.image_px) for network in known.networks]
    assert len(keys) == len(set(keys)) > 1600
    assert all(len(network.log_speeds) == len(known.sources) and any(network.log_speeds) for network in known.networks)
    resnet50 = next(
        network for network in known.networks if (network.architecture, network.image_px) == ("resnet50", 224)
    )
    assert (resnet50.parameters, resnet50.gmacs, resnet50.mactivations) == (25.56, 4.11, 11.11)


@pytest.mark.skipif(TABLES not in os.environ, reason=f"{TABLES} names no folder with timm's published tables")
def test_what_ships_is_what_the_tables_say(tmp_path: Path) -> None:
    folder, out = Path(os.environ[TABLES]), tmp_path / "speeds.csv"
    words = [f"{folder / f'benchmark-infer-{source.name}.csv'}@{source.commit}" for source in priors.priors().sources]
    priors.main([*words, "--out", str(out)])
    assert out.read_text() == priors.FILE.read_text()


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("model,top1\nresnet50,80\n")
    with pytest.raises(FactError, match=r"found no column infer_img_size, .* expected a table of timm's benchmarks"):
        priors.read(path)
    with pytest.raises(FactError, match="expected TABLE@COMMIT"):
        priors.main([str(path)])
