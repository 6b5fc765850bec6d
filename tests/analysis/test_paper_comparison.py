"""The paper's figures beside cases: same network, size and mode; ratios over one reference; never a measured column."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lambdabench import store
from lambdabench.analysis import paper_comparison, table
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


def test_each_case_stands_beside_its_own_figure(cases: pd.DataFrame) -> None:
    quoteds = paper_comparison.beside(cases, "resnet50_cccc")
    speeds = {
        (item.figure.table, item.figure.model, item.options): item for item in quoteds if item.metric == "throughput"
    }
    assert set(speeds) == {
        ("Table 4", "resnet50_llll", "{}"),
        ("Table 4", "resnet50_llll", '{"kernel":"einsum"}'),
        ("Table 13", "resnet50_cccc", "{}"),
        ("Table 13", "resnet50_llll", "{}"),
        ("Table 13", "resnet50_llll", '{"kernel":"einsum"}'),
        ("Table 19", "lambda_resnet50", "{}"),
    }
    quoted = speeds["Table 13", "resnet50_llll", "{}"]
    assert quoted.here is not None
    assert (quoted.value, quoted.unit, quoted.here.value) == (1160.0, "image/s", pytest.approx(10.0))
    assert quoted.ratio == pytest.approx(1160 / 7240)
    assert quoted.here_ratio is not None
    assert quoted.here_ratio.low < 0.5 < quoted.here_ratio.high
    assert speeds["Table 13", "resnet50_cccc", "{}"].here_ratio is None


def at(cases: pd.DataFrame, model: str, rates: dict[int, float], **changes: object) -> pd.DataFrame:
    """A model's case at each batch of `rates`, equal in all else."""
    item = cases[(cases["model"] == model) & (cases["options"] == "{}")].iloc[0].to_dict()
    rows = [
        item
        | {
            "batch_size": batch,
            "case_id": f"{model}-{batch}",
            "throughput": rate,
            "throughput_low": 0.99 * rate,
            "throughput_high": 1.01 * rate,
        }
        | changes
        for batch, rate in rates.items()
    ]
    return pd.DataFrame(rows)


def ratios(*frames: pd.DataFrame) -> dict[tuple[str, int], float | None]:
    """Of Table 13's throughput: each row's (model, batch) to its ratio here."""
    quoteds = paper_comparison.beside(pd.concat(frames, ignore_index=True), "resnet50_cccc")
    mine = [quoted for quoted in quoteds if quoted.figure.table == "Table 13" and quoted.metric == "throughput"]
    return {
        (quoted.figure.model, quoted.batch_size): None
        if quoted.here_ratio is None
        else round(quoted.here_ratio.value, 3)
        for quoted in mine
    }


def test_a_ratio_is_of_the_largest_batch_that_both_have(cases: pd.DataFrame) -> None:
    reference = at(cases, "resnet50_cccc", {1: 14.0, 4: 17.0, 64: 28.9})
    mine = at(cases, "resnet50_llll", {1: 8.0, 4: 11.0})
    assert ratios(reference, mine) == {("resnet50_cccc", 4): None, ("resnet50_llll", 4): 0.647}, "0.381 of 64 and 4"
    assert ratios(reference, at(cases, "resnet50_llll", {4: 11.0, 64: 14.0, 128: 15.0})) == {
        ("resnet50_cccc", 64): None,
        ("resnet50_llll", 64): 0.484,
    }


def test_without_a_batch_that_both_have_there_is_no_ratio(cases: pd.DataFrame) -> None:
    values = ratios(at(cases, "resnet50_cccc", {64: 28.9}), at(cases, "resnet50_llll", {1: 8.0, 4: 11.0}))
    assert values == {("resnet50_cccc", 64): None, ("resnet50_llll", 4): None}


def test_a_batch_that_failed_is_none_that_both_have(cases: pd.DataFrame) -> None:
    reference = at(cases, "resnet50_cccc", {4: 17.0, 64: 28.9})
    oom = at(cases, "resnet50_llll", {64: float("nan")}, status="oom")
    values = ratios(reference, at(cases, "resnet50_llll", {4: 11.0}), oom)
    assert values["resnet50_llll", 4] == 0.647
    unsure = at(cases, "resnet50_llll", {64: 9.0}, throughput_low=None, throughput_high=None)
    assert ratios(reference, at(cases, "resnet50_llll", {4: 11.0}), unsure)["resnet50_llll", 4] == 0.647


def test_the_reference_stands_at_every_batch_that_something_is_divided_at(cases: pd.DataFrame) -> None:
    reference = at(cases, "resnet50_cccc", {1: 14.0, 4: 17.0, 64: 28.9})
    others = [
        at(cases, "resnet50_llll", {4: 11.0}),
        at(cases, "resnet50_llll", {64: 14.0}).assign(model="resnet50_cccl", case_id="cccl"),
    ]
    assert ratios(reference, *others) == {
        ("resnet50_cccc", 4): None,
        ("resnet50_cccc", 64): None,
        ("resnet50_llll", 4): 0.647,
        ("resnet50_cccl", 64): 0.484,
    }


def test_folded_is_divided_by_folded_and_never_by_plain(cases: pd.DataFrame) -> None:
    folded = {"options": '{"fold":true}'}
    plain, mine = at(cases, "resnet50_cccc", {4: 17.0}), at(cases, "resnet50_llll", {4: 11.0}, **folded)
    assert ratios(plain, mine)["resnet50_llll", 4] is None
    both = at(cases, "resnet50_cccc", {4: 22.0}, **folded)
    assert ratios(plain, both, mine)["resnet50_llll", 4] == 0.5


def test_the_batch_stands_beside_the_value(cases: pd.DataFrame) -> None:
    quoteds = paper_comparison.beside(at(cases, "resnet50_cccc", {4: 17.0, 64: 28.9}), "resnet50_cccc")
    line = next(names for names in map(paper_comparison.cells, quoteds) if names[0] == "Table 13")
    assert dict(zip(paper_comparison.TITLES, line, strict=True))["batch"] == "64"
    assert "at the same batch, the largest that both have" in "\n".join(paper_comparison.legend(quoteds))


def test_a_step_of_the_paper_is_told_as_images_a_second_of_the_same_mode(cases: pd.DataFrame) -> None:
    (quoted,) = [item for item in paper_comparison.beside(cases) if item.figure.table == "Table 19"]
    assert quoted.value == pytest.approx(1024 / 0.058)
    assert quoted.here is not None
    assert quoted.here.value == pytest.approx(3.0)


def test_the_legend_says_whose_conditions_and_misprints(cases: pd.DataFrame) -> None:
    text = "\n".join(paper_comparison.legend(paper_comparison.beside(cases, "resnet50_cccc")))
    assert "not measured here: 8 TPUv3 cores, bfloat16, train, 1024 images; 8 TPUv3 cores, float32, inference" in text
    assert "over that of lambda_resnet50, resnet50_cccc under the same conditions" in text


def test_nothing_measured_is_nothing_quoted(cases: pd.DataFrame) -> None:
    assert paper_comparison.beside(cases.assign(status="oom")) == ()
    assert not paper_comparison.is_the_papers("models: timm and arXiv 2102.08602")


def test_ratios_are_taken_within_one_environment(cases: pd.DataFrame) -> None:
    other = cases.assign(fingerprint="f01", throughput=2 * cases["throughput"])
    both = pd.concat([cases, other], ignore_index=True)
    quoteds = [quoted for quoted in paper_comparison.beside(both, "resnet50_cccc") if quoted.figure.table == "Table 13"]
    plain = [quoted for quoted in quoteds if quoted.figure.model == "resnet50_llll" and quoted.options == "{}"]
    speeds = [quoted for quoted in plain if quoted.metric == "throughput"]
    assert [speed.here and speed.here.value for speed in speeds] == pytest.approx([10.0, 20.0])
    assert [speed.here_ratio.value for speed in speeds if speed.here_ratio] == pytest.approx([0.5, 0.5])
    assert [paper_comparison.cells(speed)[1] for speed in speeds] == [
        "resnet50_llll (env f00)",
        "resnet50_llll (env f01)",
    ]


@pytest.mark.parametrize("column", ["backend", "device", "devices", "dtype", "param_dtype", "layout", "threads"])
def test_no_ratio_is_taken_across_settings(column: str, cases: pd.DataFrame) -> None:
    other: object = 64 if column in ("devices", "threads") else "another"
    slower = cases.assign(throughput=cases["throughput"] / 7)
    faster = cases[cases["model"] != "resnet50_cccc"].assign(**{column: other})
    quoteds = paper_comparison.beside(pd.concat([slower, faster], ignore_index=True), "resnet50_cccc")
    mine = [
        quoted for quoted in quoteds if quoted.figure.table == "Table 13" and quoted.figure.model == "resnet50_llll"
    ]
    speeds = [quoted for quoted in mine if quoted.metric == "throughput" and quoted.options == "{}"]
    assert [speed.here_ratio and speed.here_ratio.value for speed in speeds] == [pytest.approx(0.5), None], (
        "the reference did not run in the other setting"
    )
