"""timm.csv is what its generator writes: of a small invented table end to end, and of every weight anew."""

import hashlib
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.core.errors import FactError
from lambdabench.facts import generate, weights
from lambdabench.facts.fact import Fact
from lambdabench.facts.torch import VERSION, described
from lambdabench.facts.weights import Described

TABLES = "LAMBDABENCH_TIMM_TABLES"
"""Names a folder with the CSV files of https://github.com/huggingface/pytorch-image-models/tree/main/results."""
HEADER = ",".join(generate.HEADER)
B6 = "tf_efficientnet_b6.ns_jft_in1k,528,86.448,13.552,97.884,2.116,43.04,0.942,bicubic"
GIANT = 'eva_giant_patch14_224.clip_ft_in1k,224,88.896,11.104,98.672,1.328,"1,012.56",0.900,bicubic'
XCEPTION = "legacy_xception.tf_in1k,299,79.058,20.942,94.396,5.604,22.86,0.897,bicubic"
SMALL = "convnext_small.fb_in1k,288,83.704,16.296,96.706,3.294,50.22,1.000,bicubic"
SMALLER = "convnext_small.fb_in1k,224,83.144,16.856,96.446,3.554,50.22,0.875,bicubic"
BEIT = "beitv2_base_patch16_224.in1k_ft_in1k,224,85.596,14.404,97.514,2.486,86.53,0.900,bicubic"
ROWS = (B6, GIANT, XCEPTION, SMALL, SMALLER, BEIT)
EXPECTED = """\
architecture,tag,eval_px,crop,interpolation,top1,top5,parameters,licence,data,taught_by
beitv2_base_patch16_224,in1k_ft_in1k,224,0.9,bicubic,85.596,97.514,86.53,apache-2.0,,OpenAI's 400 M pairs of CLIP
convnext_small,fb_in1k,224,0.875,bicubic,83.144,96.446,50.22,apache-2.0,,
convnext_small,fb_in1k,288,1,bicubic,83.704,96.706,50.22,apache-2.0,,
eva_giant_patch14_224,clip_ft_in1k,224,0.9,bicubic,88.896,98.672,1012.56,mit,LAION-400M,
legacy_xception,tf_in1k,299,0.8975,bicubic,79.058,94.396,22.86,apache-2.0,,
tf_efficientnet_b6,ns_jft_in1k,528,0.942,bicubic,86.448,97.884,43.04,apache-2.0,JFT-300M,
"""


def table_of(rows: tuple[str, ...], folder: Path, header: str = HEADER) -> Path:
    path = folder / "results-imagenet.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def test_a_small_table_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Sizes of training and of testing, thousands parted by a comma, a crop that the table rounds."""
    table, out = table_of(ROWS, tmp_path), tmp_path / "timm.csv"
    assert generate.main([str(table), "--commit", "abc1234", "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    head = "".join(f"# {line}\n" for line in weights.head(out))
    assert text == head + EXPECTED
    assert f"timm {VERSION} as installed" in head
    assert "https://github.com/huggingface/pytorch-image-models/blob/abc1234/results/results-imagenet.csv" in head
    assert f"sha256 {hashlib.sha256(table.read_bytes()).hexdigest()}." in head
    assert capsys.readouterr().out == f"6 accuracies of 5 weights of 5 architectures in {out}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results-imagenet.csv", "timm.csv"]


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    rows = generate.read_table(f"{HEADER}\n{GIANT}\n{XCEPTION}\n".encode(), tmp_path)
    facts = generate.facts_of(rows, described, VERSION)
    path = tmp_path / "timm.csv"
    path.write_text(weights.written(facts, ("a line",)), encoding="utf-8")
    assert weights.read(path) == tuple(facts)
    assert (facts[0].parameters, facts[0].more_data) == (1_012_560_000, "LAION-400M")
    assert weights.head(path) == ("a line",)


def test_the_order_of_the_table_does_not_matter(tmp_path: Path) -> None:
    shuffled = random.Random(0).sample(ROWS, len(ROWS))
    texts = [
        weights.written(
            generate.facts_of(generate.read_table("\n".join((HEADER, *rows)).encode(), tmp_path), described, VERSION),
            (),
        )
        for rows in (ROWS, shuffled)
    ]
    assert texts == [EXPECTED, EXPECTED]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (("resnet50.newset_ft_in1k,224,80.0,20.0,95.0,5.0,25.56,0.950,bicubic",), "of which timm .* has no weights"),
        (("no_such_net.in1k,224,80.0,20.0,95.0,5.0,25.56,0.950,bicubic",), "found no_such_net.in1k in the table"),
        (
            (B6.replace("0.942", "0.950"),),
            r"found crop_pct 0.950 of tf_efficientnet_b6.ns_jft_in1k .* says 0.942 at 528",
        ),
        ((B6.replace("528", "530"),), r"at 530 px in the table, where timm .* says 0.942 at 528; install the timm"),
        ((B6.replace("bicubic", "bilinear"),), "found interpolation bilinear .* says bicubic"),
        ((B6, B6), "found tf_efficientnet_b6.ns_jft_in1k twice at 528 px"),
        ((B6.replace("86.448", "186.448"),), "found top1 186.448 .* expected a percentage"),
        ((B6.replace("43.04", "many"),), "found param_count 'many' .* expected a number"),
        ((B6.replace("86.448", "nan"),), "found top1 'nan' .* expected a number"),
        ((B6.removesuffix(",bicubic"),), "found another number of cells than columns in line 2"),
        ((f"{B6},1",), "found another number of cells than columns in line 2"),
        ((), "found no row in"),
    ],
)
def test_a_row_that_says_something_else_is_an_error_and_nothing_is_written(
    rows: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "timm.csv"
    assert generate.main([str(table_of(rows, tmp_path)), "--commit", "abc1234", "--out", str(out)]) == 2
    capture_result = capsys.readouterr()
    assert re.search(message, capture_result.err), capture_result.err
    assert capture_result.err.startswith("error: ")
    assert capture_result.err.count("\n") == 1
    assert capture_result.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["results-imagenet.csv"]


@pytest.mark.parametrize(
    "header",
    [
        "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,infer_gmacs,infer_macts",
        f"{HEADER},top1_diff,top5_diff,rank_diff",  # ImageNet-A, -R, -V2, sketch
        "",
    ],
)
def test_a_table_of_another_schema_is_refused(header: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "timm.csv"
    table = table_of((), tmp_path, header)
    assert generate.main([str(table), "--commit", "abc1234", "--out", str(out)]) == 2
    name = capsys.readouterr().err
    assert f"in {table}, expected model, img_size, top1" in name
    assert "give results/results-imagenet.csv of timm's repository" in name
    assert not out.exists()


def test_what_is_no_readable_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    binary = tmp_path / "picture.csv"
    binary.write_bytes(b"\x89PNG\r\n\xff\xfe")
    for path, message in (
        (tmp_path / "none.csv", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (binary, "is no table"),
    ):
        assert generate.main([str(path), "--commit", "abc1234", "--out", str(tmp_path / "timm.csv")]) == 2
        assert message in capsys.readouterr().err
    table = table_of((B6,), tmp_path)
    assert generate.main([str(table), "--commit", "abc1234", "--out", str(tmp_path / "nowhere" / "timm.csv")]) == 2
    assert "name a file in a folder that is there with --out" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--commit", "main"], []])
def test_a_table_without_its_commit_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        generate.main(["table.csv", *words])
    assert ended.value.code == 2
    assert "--commit" in capsys.readouterr().err


def test_a_part_of_a_tag_that_nobody_explained_names_the_tag() -> None:
    row = {**dict(zip(generate.HEADER, B6.split(","), strict=True)), "model": "resnet50.newset_ft_in1k"}
    known = Described(crops=((528, 0.942),), interpolation="bicubic", licence="mit")
    with pytest.raises(FactError, match=r"found 'newset' in the tag resnet50\.newset_ft_in1k, .*add it to MORE_DATA"):
        generate.facts_of([row], lambda name: known, "0")


def run(*words: str, absent: str = "") -> "subprocess.CompletedProcess[str]":
    tests = Path(__file__).parents[1]
    own = {
        "PYTHONPATH": os.pathsep.join((str(tests / "absent"), str(tests.parent))),
        "LAMBDABENCH_ABSENT": absent,
        "COLUMNS": "140",
    }
    command = [sys.executable, "-m", "lambdabench.facts.generate", *words]
    return subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=120)


def test_the_program_says_how_it_is_called_and_what_it_needs(tmp_path: Path) -> None:
    completed = run("--help", absent="timm,torch")
    assert completed.returncode == 0
    assert "TABLE.csv" in completed.stdout
    without = run(str(table_of((B6,), tmp_path)), "--commit", "abc1234", absent="timm")
    assert (without.returncode, without.stdout) == (2, "")
    assert 'pip install "lambdabench[torch]"' in without.stderr
    assert without.stderr.count("\n") == 1


def as_printed(fact: Fact) -> dict[str, str]:
    """The row of timm's table that a fact is of, as far as timm.csv tells."""
    assert fact.parameters is not None
    return {
        "model": f"{fact.architecture}.{fact.tag}",
        "img_size": str(fact.eval_px),
        "top1": str(fact.value),
        "top5": str(fact.top5),
        "param_count": f"{fact.parameters / 1e6:,.2f}",
        "crop_pct": f"{fact.crop:.3f}",
        "interpolation": fact.interpolation,
    }


@pytest.fixture
def of_this_timm() -> None:
    made = re.search(r"timm (\S+) as installed", " ".join(weights.head()))
    assert made is not None
    if made[1] != VERSION:
        pytest.skip(f"timm.csv was made with timm {made[1]}, here is {VERSION}")


@pytest.mark.usefixtures("of_this_timm")
def test_every_row_is_what_timm_and_the_tags_say_today() -> None:
    """Without timm's table: every column but the accuracies and parameters, which are given."""
    facts = generate.facts_of([as_printed(fact) for fact in weights.read()], described, VERSION)
    assert weights.written(facts, weights.head()) == weights.PATH.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda row: row | {"crop_pct": "0.9"},
        lambda row: row | {"interpolation": "bilinear"},
        lambda row: row | {"model": row["model"] + "x"},
    ],
)
def test_a_row_that_was_changed_by_hand_would_be_seen(change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    row = as_printed(next(fact for fact in weights.read() if fact.architecture == "convnext_small"))
    with pytest.raises(FactError):
        generate.facts_of([change(row)], described, VERSION)


@pytest.mark.usefixtures("of_this_timm")
@pytest.mark.skipif(TABLES not in os.environ, reason=f"set {TABLES} to a folder with timm's results: timm.csv whole")
def test_the_whole_file_is_what_the_table_gives() -> None:
    commit = re.search(r"/blob/([0-9a-f]+)/", " ".join(weights.head()))
    assert commit is not None
    table = Path(os.environ[TABLES]) / "results-imagenet.csv"
    assert generate.generate(table, commit[1]) == weights.PATH.read_text(encoding="utf-8")
