"""Somebody's own accuracies: joined by model and size, told with their file, wrong ones refused with their line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench import store
from lambdabench.analysis import table
from lambdabench.commands import wide_frame
from lambdabench.core.errors import RequestError
from lambdabench.core.record import Record
from lambdabench.facts import given


def written(folder: Path, text: str) -> str:
    path = folder / "mine.csv"
    path.write_text(text)
    return str(path)


def test_a_file_stands_before_what_is_published_where_it_is_named_first(
    make_record: Callable[..., Record], tmp_path: Path
) -> None:
    path = written(
        tmp_path, "model,top1,images,image_px\nresnet50,70.5,1000,224\nnet.py:make,55,,\nresnet50,71,1000,288\n"
    )
    records = [
        make_record("latency", 0.02, case_id="a", model="resnet50", image_px=224),
        make_record("latency", 0.02, case_id="b", model="net.py:make", image_px=96),
        make_record("latency", 0.02, case_id="c", model="convnext_tiny", image_px=224),
    ]
    store.write(records, tmp_path / "a.parquet")
    rows = store.newest(store.read(tmp_path))
    cases = table.wide(rows, (path, "imagenet-1k")).set_index("case_id")
    assert cases.loc["a", "top1"] == 70.5
    assert cases.loc["a", "top1_low"] < 70.5 < cases.loc["a", "top1_high"]
    assert (cases.loc["b", "top1"], cases.loc["b", "top1_source"]) == (55.0, "mine.csv")
    assert cases["top1_low"].isna()["b"], "of nobody knows how many images"
    assert cases.loc["c", "top1"] > 80
    published = wide_frame(rows, weights=f"imagenet-1k,{path}").set_index("case_id")
    assert published.loc["a", "top1"] > 75
    assert published.loc["b", "top1"] == 55.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,acc\na,1\n", "found columns name, acc; expected model, top1 and perhaps"),
        ("model,top1\na,0.8\n", "line 2: found top1 '0.8', expected percent from 1 to 100"),
        ("model,top1\n,80\n", "line 2: found no model"),
        ("model,top1\na,\n", "line 2: found no top1"),
        ("model,top1,images\na,80,many\n", "line 2: found images 'many', expected a whole number"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=message.replace("?", r"\?")):
        given.read(written(tmp_path, text))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is no readable CSV file"):
        given.read(str(tmp_path / "none.csv"))
