"""Tables of speeds that others published: what is read, and what is said of another schema."""

from pathlib import Path

import pandas as pd
import pytest

from lambdabench.core.errors import LambdabenchError, NothingMeasuredError
from lambdabench.store.published_speeds import read_speeds

TIMMS = """model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,infer_gmacs,infer_macts
test_vit,160,"109,337.21",9.356,1024,0.37,0.04,0.48
resnet50.a1_in1k,224,2000.5,127.9,256,25.56,4.11,11.11
resnet50.tv_in1k,224,1990.5,127.9,256,25.56,4.11,11.11
vit_giant,224,,,,1011.2,,
"""


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "speeds.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_table_of_timms(tmp_path: Path) -> None:
    rows = read_speeds(written(tmp_path, TIMMS))
    assert rows["model"].tolist() == ["test_vit", "resnet50", "vit_giant"], (
        "tags say nothing of speed; the first counts"
    )
    assert rows["throughput"].tolist()[:2] == [109337.21, 2000.5]
    assert rows["batch_size"].tolist()[:2] == [1024, 256]
    assert rows["status"].tolist() == ["ok", "ok", "unsupported"]
    assert set(rows["mode"]) == {"inference"}


def test_a_table_of_ones_own_with_other_columns_and_a_mark_of_its_encoding(tmp_path: Path) -> None:
    text = "\ufeffnote,model,image_px,throughput,throughput_low,throughput_high\nmine,net.py:make,96,12.5,12,13\n"
    rows = read_speeds(written(tmp_path, text))
    assert rows.loc[0, ["model", "image_px", "throughput", "throughput_low"]].tolist() == ["net.py:make", 96, 12.5, 12]
    assert pd.isna(rows.loc[0, "batch_size"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "name,fps\nresnet50,12\n",
            "found columns name, fps; expected timm's model, infer_img_size, .*, or model, image_px",
        ),
        ("", "found columns none; expected"),
        (
            "model,image_px,throughput\nresnet50,224,fast\n",
            "line 2: found throughput 'fast', expected a number above 0",
        ),
        ("model,image_px,throughput\nresnet50,224,-1\n", "line 2: found throughput '-1'"),
        ("model,image_px,throughput\nresnet50,224.5,1\n", "found image_px '224.5', expected a whole number above 0"),
        ("model,image_px,throughput\nresnet50,,1\n", "found image_px ''"),
        ("model,image_px,throughput\n,224,1\n", "line 2: found no model"),
        (b"model,image_px,throughput\n\xff\xfe,224,1\n", "no readable CSV file"),
    ],
)
def test_another_schema_or_what_is_no_number_is_one_line(text: str | bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(LambdabenchError, match=said) as raised:
        read_speeds(written(tmp_path, text))
    assert raised.value.exit_code == 2
    assert "\n" not in str(raised.value)


def test_a_table_without_rows_has_nothing(tmp_path: Path) -> None:
    with pytest.raises(NothingMeasuredError, match="no rows under its head"):
        read_speeds(written(tmp_path, "model,image_px,throughput\n"))
