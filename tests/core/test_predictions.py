"""Files of predictions: appended to, read while they grow, mended after a writer was killed."""

from pathlib import Path

import pytest

from lambdabench.core import codec, predictions
from lambdabench.core.errors import StoreError
from lambdabench.core.evaluation import Heading, Subject
from lambdabench.core.predictions import Predictions
from lambdabench.core.record import Effective
from lambdabench.core.spec import Case, Environment

SUBJECT = Subject(
    model="resnet18", weights="a1_in1k", backend="torch_eager", device="cpu", dtype="float32", image_px=224,
    options=(("num_classes", 3),), data="0123456789ab", images=3, fingerprint="ba9876543210",
)  # fmt: skip
HEADING = Heading(
    subject=SUBJECT,
    case=Case(model="resnet18", device="cpu", image_px=224, threads=1, param_dtype="float32"),
    started_at="2026-01-01T00:00:00.000+00:00",
    place="val",
    classes=3,
    is_limited=False,
    preprocessing="224 px",
    effective=Effective(),
    environment=Environment(lambdabench="1", cpu="a cpu", cpu_flags="", cores=2, memory_gib=8),
)


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "one.jsonl"
    known = Predictions(path=path)
    assert known.refresh().heading is None
    predictions.append(path, [(2, (1, 0, 2)), (0, "cannot identify image file")], HEADING)
    assert known.refresh().heading == HEADING
    assert known.answers == {2: (1, 0, 2), 0: "cannot identify image file"}
    assert not known.is_complete
    predictions.append(path, [(1, (2, 1, 0))])
    assert known.refresh().is_complete
    assert known.broken == {0: "cannot identify image file"}
    assert Predictions(path=path).refresh().answers == known.answers
    assert predictions.files_in(path.parent) == [path]
    assert predictions.files_in(tmp_path / "absent") == []


@pytest.mark.parametrize("left", [b"[1, [0,", b"[", b""])
def test_a_line_that_a_killed_writer_left_is_cut_off(left: bytes, tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    predictions.append(path, [(0, (1,))], HEADING)
    whole = path.read_bytes()
    path.write_bytes(whole + left)
    assert Predictions(path=path).refresh().answers == {0: (1,)}
    predictions.mend(path)
    assert path.read_bytes() == whole
    predictions.mend(tmp_path / "absent.jsonl")
    predictions.append(path, [(1, (0,))])
    assert Predictions(path=path).refresh().answers == {0: (1,), 1: (0,)}


def test_a_heading_that_was_cut_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_bytes(b'{"subject": {"mod')
    predictions.mend(path)
    assert Predictions(path=path).refresh().heading is None
    assert path.read_bytes() == b""


@pytest.mark.parametrize("content", ["no json\n", '{"subject": 3}\n', "[1, [2]]\n"])
def test_another_file_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(content)
    with pytest.raises(StoreError, match=r"one\.jsonl is no file of predictions .*remove it"):
        Predictions(path=path).refresh()


def test_subjects_that_differ_have_files_of_their_own() -> None:
    assert SUBJECT.key == SUBJECT.key
    assert len(SUBJECT.key) == 12
    plain = codec.encode(SUBJECT)
    for name, other in (("dtype", "bfloat16"), ("weights", "a2_in1k"), ("data", "a" * 12), ("fingerprint", "b" * 12)):
        assert codec.decode(Subject, plain | {name: other}).key != SUBJECT.key
