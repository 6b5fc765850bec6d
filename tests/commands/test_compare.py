"""Two sides and two families, from rows as runs leave them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lambdabench import store
from lambdabench.commands import compare_at_accuracy, compare_sides
from lambdabench.core.errors import LambdabenchError, NotComparableError, NothingMeasuredError, UnknownNameError
from lambdabench.core.record import Record

Make = Callable[..., Record]
SPEEDS = {"tf_efficientnet_b0": (224, 80.0), "tf_efficientnet_b1": (240, 40.0), "tf_efficientnet_b2": (260, 20.0)}
LAMBDA = {"lambda_resnet50": (160, 100.0), "lambda_resnet101": (160, 50.0)}


def run(make: Make, speeds: dict[str, tuple[int, float]], **changes: object) -> Iterator[Record]:
    for model, (px, value) in speeds.items():
        yield make("throughput", value, model=model, image_px=px, case_id=f"{model}-{px}-{changes}", **changes)


@pytest.fixture
def two(make_record: Make, away: Path) -> Path:
    """Runs a and b: half as fast in b, in another environment and with another kernel, and one of three fails."""
    rows = list(run(make_record, SPEEDS, run_id="a"))
    store.write(rows, away / "results" / "s" / "a.parquet")
    changed = [
        replace(
            record,
            run_id="b",
            fingerprint="f01",
            started_at="2026-01-02T00:00:00.000+00:00",
            environment=replace(record.environment, versions=(("torch", "2.15"),)),
            effective=replace(record.effective, kernel="conv2d"),
        )
        for record in run(make_record, {model: (px, value / 2) for model, (px, value) in SPEEDS.items()})
    ]
    lost = replace(changed[-1], status="oom", reason="no memory", measurement=None)
    store.write([*changed[:-1], lost], away / "results" / "s" / "b.parquet")
    return away


def test_two_runs(two: Path) -> None:
    compared = compare_sides("previous", "latest", Path("results"))
    assert compared.metric == "throughput"
    assert compared.shift.value == pytest.approx(0.5)
    assert (compared.shift.low, compared.shift.moved, compared.shift.families) == (None, (), ())
    assert [(difference.name, difference.a, difference.b) for difference in compared.differences] == [
        ("torch", "", "2.15"),
        ("kernel", "", "conv2d"),
    ]
    assert [(hole.side, hole.row["model"]) for hole in compared.pairs.holes] == [("B", "tf_efficientnet_b2")]
    assert {"dtype", "threads", "device_name"} <= {*compared.paired_by}


def test_a_run_and_a_table(two: Path) -> None:
    Path("theirs.csv").write_text(
        "model,infer_img_size,infer_batch_size,infer_samples_per_sec\ntf_efficientnet_b0.ns_jft,224,1,160\nresnet50,224,1,7\n"
    )
    compared = compare_sides("a", "theirs.csv", Path("results"))
    assert compared.shift.value == pytest.approx(2.0)
    assert (compared.pairs.only_a, compared.pairs.only_b, compared.differences) == (2, 1, ())


def test_no_pair_of_equal_batch_is_not_comparable(two: Path) -> None:
    Path("theirs.csv").write_text("model,image_px,throughput,batch_size\ntf_efficientnet_b0,224,160,256\n")
    with pytest.raises(
        NotComparableError,
        match=r"no shift to tell: 1 at other batches \(A at batch 1, B at batch 256\), 2 only in A.*other's batch: --batch-size",
    ):
        compare_sides("a", "theirs.csv", Path("results"))


def test_sides_that_share_no_kernel_are_told_so(make_record: Make, two: Path) -> None:
    for run_id, kernels in (("d", ("cpu", "conv2d")), ("e", ("einsum",))):
        rows = [
            record
            for kernel in kernels
            for record in run(make_record, LAMBDA, run_id=run_id, options=(("kernel", kernel),))
        ]
        store.write(rows, two / "results" / "s" / f"{run_id}.parquet")
    with pytest.raises(NotComparableError, match=r"they share no kernel, A has conv2d, cpu, B einsum: compare one"):
        compare_sides("d", "e", Path("results"))


def test_metrics_that_a_side_has_not(two: Path) -> None:
    with pytest.raises(UnknownNameError, match="no metric is called 'top1'"):
        compare_sides("a", "b", Path("results"), metric="top1")
    with pytest.raises(NothingMeasuredError, match="run a has no number of latency; it has throughput"):
        compare_sides("a", "b", Path("results"), metric="latency")


def test_scripted_times_are_never_held_against_measured_ones(make_record: Make, two: Path) -> None:
    store.write(list(run(make_record, SPEEDS, run_id="c", backend="fake")), two / "results" / "s" / "c.parquet")
    with pytest.raises(NotComparableError, match="run c holds scripted times of the backend fake, run a does not"):
        compare_sides("a", "c", Path("results"))
    assert compare_sides("c", "c", Path("results")).shift.value == 1.0


def test_one_family_over_another_at_equal_accuracy(make_record: Make, away: Path) -> None:
    """The accuracies are the paper's and timm's; lambda networks are 350 epochs at 160 px: 79.2 and 80.8 %."""
    store.write([*run(make_record, SPEEDS), *run(make_record, LAMBDA)], away / "results" / "s" / "a.parquet")
    (at_accuracy,) = compare_at_accuracy(["lambda_*"], ["tf_efficientnet*"], Path("results"), at=[79.2, 85.0])
    assert (at_accuracy.batch, at_accuracy.counts) == (1, (2, 3))
    assert at_accuracy.comparison.mine.top1.tolist() == [79.2, 80.8]
    assert (at_accuracy.name_at(77.1), at_accuracy.name_at(79.2), at_accuracy.name_at(85.0)) == (
        "tf_efficientnet_b0@224",
        "lambda_resnet50@160",
        "",
    )
    value = at_accuracy.comparison.at[0].value
    assert value is not None
    assert 100 / 80 < value < 100 / 40
    assert at_accuracy.comparison.at[0].speed is not None
    assert at_accuracy.comparison.at[1].value is None
    (reversed_,) = compare_at_accuracy(["tf_efficientnet*"], ["lambda_*"], Path("results"), at=[79.2])
    assert reversed_.comparison.at[0].value == pytest.approx(1 / value)
    (single,) = compare_at_accuracy(["lambda_resnet50"], ["tf_*"], Path("results"))
    assert (single.comparison.at, single.comparison.mean.value) == ((), pytest.approx(value))


def test_families_that_cannot_be_held_against_each_other(make_record: Make, away: Path) -> None:
    rows = [*run(make_record, SPEEDS, batch_size=1), *run(make_record, LAMBDA, batch_size=8)]
    strange = {"net_of_mine": (224, 3.0)}
    store.write([*rows, *run(make_record, strange)], away / "results" / "s" / "a.parquet")
    with pytest.raises(NotComparableError, match="were not measured at one batch"):
        compare_at_accuracy(["lambda_*"], ["tf_*"], Path("results"))
    with pytest.raises(LambdabenchError, match=r"no measured model matches levit\*; there are lambda_resnet101, "):
        compare_at_accuracy(["levit*"], ["tf_*"], Path("results"))
    with pytest.raises(
        NothingMeasuredError, match="no model of net_of_mine has both a number and a published accuracy"
    ):
        compare_at_accuracy(["net_of_mine"], ["tf_*"], Path("results"))
    with pytest.raises(
        NotComparableError,
        match=r"no accuracy in common that was asked for: their curves go from 77.1 to 77.1 % and 80.3 to 80.3 %",
    ):
        compare_at_accuracy(["tf_efficientnet_b0"], ["tf_efficientnet_b2"], Path("results"))
