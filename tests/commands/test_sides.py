"""What can be named as a side of a comparison, and what is said of what cannot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambdabench import store
from lambdabench.commands._sides import read_side
from lambdabench.core.errors import LambdabenchError, NothingMeasuredError, UnknownNameError
from lambdabench.core.record import Record

RUNS = {"20260101T000000Z-aaaa": 100.0, "20260102T000000Z-bbbb": 110.0, "20260103T000000Z-cccc": 120.0}


@pytest.fixture
def results(make_record: Callable[..., Record], tmp_path: Path) -> Path:
    """Three runs of suite s, the last but one of suite t, on two machines."""
    for place, (run, value) in enumerate(RUNS.items()):
        made = make_record(
            "throughput",
            value,
            run_id=run,
            suite="t" if place == 1 else "s",
            device_name="AMD EPYC 9V74" if place < 2 else "AMD EPYC 9654",
            fingerprint=f"f{place}",
            started_at=f"2026-01-0{place + 1}T00:00:00.000+00:00",
        )
        store.write([made], tmp_path / made.suite / f"{run}.parquet")
    return tmp_path


def values(named: str, results: Path, suite: str | None = None, **filters: Any) -> list[float]:
    return read_side(named, results, suite, filters).cases["throughput"].round(6).tolist()


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("latest", [120.0]),
        ("previous", [100.0]),
        ("20260102T000000Z-bbbb", [110.0]),
        ("20260102", [110.0]),
        ("AMD EPYC 9654", [120.0]),
        ("9654", [120.0]),
        ("epyc 9v", [100.0, 110.0]),
    ],
)
def test_runs_and_machines_of_a_folder_of_results(named: str, expected: list[float], results: Path) -> None:
    assert values(named, results) == expected


def test_folders_and_files_are_sides_wherever_they_are(results: Path, tmp_path: Path) -> None:
    assert values(str(results / "s"), Path("nowhere")) == [100.0, 120.0]
    assert values(str(results / "t" / "20260102T000000Z-bbbb.parquet"), Path("nowhere")) == [110.0]
    assert values(str(results), Path("nowhere"), "t") == [110.0]
    path = tmp_path / "mine.csv"
    path.write_text("model,image_px,throughput\nresnet50,224,5\nresnet18,224,9\n")
    side = read_side(str(path), results, None, {"model": ("resnet5*",), "dtype": ("float32",)})
    assert (side.name, side.is_table, side.cases["throughput"].tolist()) == ("mine.csv", True, [5.0])


def test_latest_and_previous_are_of_one_suite(results: Path) -> None:
    assert values("latest", results, "t") == [110.0]
    with pytest.raises(NothingMeasuredError, match="20260102T000000Z-bbbb is the only run of t"):
        values("previous", results, "t")
    with pytest.raises(NothingMeasuredError, match="there is no run of u"):
        values("latest", results, "u")


def test_what_names_several_or_nothing(results: Path) -> None:
    with pytest.raises(LambdabenchError, match="2026 begins the ids of 3 runs"):
        values("2026", results)
    with pytest.raises(LambdabenchError, match="EPYC is in the names of 2 machines"):
        values("EPYC", results)
    with pytest.raises(UnknownNameError, match=r"did you mean 'latest'.*expected a folder or file of results"):
        values("lastest", results)
    with pytest.raises(UnknownNameError, match=r"gone\.csv is not there, and nowhere neither"):
        values("gone.csv", Path("nowhere"))
    (results / "empty").mkdir()
    with pytest.raises(NothingMeasuredError, match="lambdabench run --suite quickstart"):
        values("latest", results / "empty")
    with pytest.raises(NothingMeasuredError, match="has no rows"):
        values(str(results / "empty"), results)
    with pytest.raises(NothingMeasuredError, match=r"no case of .* has dtype float16; there is float32"):
        values("latest", results, dtype=("float16",))


def test_what_ran_is_told_and_what_a_smaller_batch_answers_is_left_out(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    failed = make_record(None, model="big", status="oom", flags="halved", reason="too large")
    store.write([make_record("throughput", 5.0), failed], tmp_path / "a.parquet")
    cases = read_side(str(tmp_path), tmp_path, None, {}).cases
    assert cases["model"].tolist() == ["resnet50"]
    assert {"effective_kernel", "noise_sm_clock_mhz", "env_torch"} <= set(cases)
