"""The paper's figures beside cases: same network, size and mode; ratios over one reference; never a measured column."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis import quoted, table
from lambdabench.core.record import Record


@pytest.fixture
def cases(make_record: Callable[..., Record], tmp_path: Path) -> pd.DataFrame:
    def rows(model: str, rate: float, batch_size: int = 4, **case: object) -> list[Record]:
        identity = f"{model}-{batch_size}-{case}"
        return [make_record("throughput", rate, model=model, batch_size=batch_size, case_id=identity, **case)]

    records = [
        *rows("resnet50_cccc", 20.0),
        *rows("resnet50_llll", 10.0),
        *rows("resnet50_llll", 8.0, batch_size=1),
        *rows("resnet50_llll", 5.0, options=(("kernel", "einsum"),)),
        *rows("resnet50_llll", 7.0, options=(("intra_depth", 2),)),
        *rows("lambda_resnet50", 3.0, image_px=128, mode="train"),
        *rows("lambda_resnet50", 9.0, image_px=128),
    ]
    store.write(records, tmp_path / "a.parquet")
    return table.wide(store.newest(store.read(tmp_path)))


def test_each_case_stands_at_its_largest_batch_beside_its_own_figure(cases: pd.DataFrame) -> None:
    found = quoted.beside(cases, "resnet50_cccc")
    speeds = {(one.figure.table, one.figure.model, one.options): one for one in found if one.metric == "throughput"}
    assert set(speeds) == {
        ("Table 4", "resnet50_llll", "{}"),
        ("Table 4", "resnet50_llll", '{"kernel":"einsum"}'),
        ("Table 13", "resnet50_cccc", "{}"),
        ("Table 13", "resnet50_llll", "{}"),
        ("Table 13", "resnet50_llll", '{"kernel":"einsum"}'),
        ("Table 19", "lambda_resnet50", "{}"),
    }
    one = speeds["Table 13", "resnet50_llll", "{}"]
    assert (one.value, one.unit, one.here) == (1160.0, "image/s", pytest.approx(10.0))
    assert one.ratio == pytest.approx(1160 / 7240)
    assert one.here_ratio is not None
    assert one.here_ratio.low < 0.5 < one.here_ratio.high
    assert speeds["Table 13", "resnet50_cccc", "{}"].here_ratio is None


def test_a_step_of_the_paper_is_told_as_images_a_second_of_the_same_mode(cases: pd.DataFrame) -> None:
    (one,) = [one for one in quoted.beside(cases) if one.figure.table == "Table 19"]
    assert one.value == pytest.approx(1024 / 0.058)
    assert one.here == pytest.approx(3.0)


def test_the_legend_says_whose_conditions_and_misprints(cases: pd.DataFrame) -> None:
    text = "\n".join(quoted.legend(quoted.beside(cases, "resnet50_cccc")))
    assert "not measured here: 8 TPUv3 cores, bfloat16, train, 1024 images; 8 TPUv3 cores, float32, inference" in text
    assert "over that of lambda_resnet50, resnet50_cccc under the same conditions" in text


def test_nothing_measured_is_nothing_quoted(cases: pd.DataFrame) -> None:
    assert quoted.beside(cases.assign(status="oom")) == ()
    assert not quoted.is_the_papers("models: timm and arXiv 2102.08602")


def test_ratios_are_taken_within_one_environment(cases: pd.DataFrame) -> None:
    other = cases.assign(fingerprint="f01", throughput=2 * cases["throughput"])
    both = pd.concat([cases, other], ignore_index=True)
    found = [one for one in quoted.beside(both, "resnet50_cccc") if one.figure.table == "Table 13"]
    plain = [one for one in found if one.figure.model == "resnet50_llll" and one.options == "{}"]
    speeds = [one for one in plain if one.metric == "throughput"]
    assert [one.here for one in speeds] == pytest.approx([10.0, 20.0])
    assert [one.here_ratio.value for one in speeds if one.here_ratio] == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize("column", ["backend", "device", "devices", "dtype", "param_dtype", "layout", "threads"])
def test_no_ratio_is_taken_across_settings(column: str, cases: pd.DataFrame) -> None:
    other: object = 64 if column in ("devices", "threads") else "another"
    slower = cases.assign(throughput=cases["throughput"] / 7)
    faster = cases[cases["model"] != "resnet50_cccc"].assign(**{column: other})
    found = quoted.beside(pd.concat([slower, faster], ignore_index=True), "resnet50_cccc")
    mine = [one for one in found if one.figure.table == "Table 13" and one.figure.model == "resnet50_llll"]
    speeds = [one for one in mine if one.metric == "throughput" and one.options == "{}"]
    assert [one.here_ratio and one.here_ratio.value for one in speeds] == [pytest.approx(0.5), None], (
        "the reference did not run in the other setting"
    )
