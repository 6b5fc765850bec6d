"""Images in a folder a class: which there are, their classes, their order, their digest, and every refusal."""

from pathlib import Path

import pytest

from lambdabench.core import image_folder
from lambdabench.core.errors import LambdabenchError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three classes with five images, one of them within a folder of its own class, and what is no image."""
    for name in ("n02/b.JPEG", "n02/a.png", "n01/x.jpeg", "n03/deep/y.webp", "n03/z.ppm"):
        path = tmp_path / "val" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    for name in ("n01/notes.txt", "n01/._x.jpeg", ".cache/c.png", "README.png"):
        path = tmp_path / "val" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    return tmp_path / "val"


def test_classes_are_folders_in_sorted_order(place: Path) -> None:
    folder = image_folder.find(place)
    assert folder.classes == ("n01", "n02", "n03")
    assert sorted(folder.images) == [
        ("n01/x.jpeg", 0), ("n02/a.png", 1), ("n02/b.JPEG", 1), ("n03/deep/y.webp", 2), ("n03/z.ppm", 2),
    ]  # fmt: skip
    assert not folder.is_limited


def test_classes_txt_gives_the_order_and_may_name_more(place: Path) -> None:
    (place / "classes.txt").write_text("n03\nn99\n\nn01\nn02\n")
    folder = image_folder.find(place)
    assert folder.classes == ("n03", "n99", "n01", "n02")
    assert dict(folder.images) == {
        "n01/x.jpeg": 2,
        "n02/a.png": 3,
        "n02/b.JPEG": 3,
        "n03/deep/y.webp": 0,
        "n03/z.ppm": 0,
    }


def test_the_order_mixes_classes_and_is_the_same_every_time(place: Path) -> None:
    for number in range(40):
        (place / f"n0{1 + number % 3}" / f"{number}.png").touch()
    folder = image_folder.find(place)
    assert folder == image_folder.find(place)
    labels = [label for _, label in folder.images]
    assert labels != sorted(labels)
    part = image_folder.find(place, 7)
    assert part.images == folder.images[:7]
    assert part.is_limited
    assert part.digest != folder.digest
    assert image_folder.find(place, 10_000) == folder


def test_the_digest_is_of_names_sizes_and_classes(place: Path) -> None:
    known = image_folder.find(place).digest
    assert known == image_folder.find(place).digest
    (place / "classes.txt").write_text("n03\nn01\nn02")
    assert image_folder.find(place).digest != known
    (place / "classes.txt").unlink()
    assert image_folder.find(place).digest == known
    (place / "n01" / "x.jpeg").write_bytes(b"longer than before")
    assert image_folder.find(place).digest != known


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ("n01\nn02", "does not name n03; expected a line for each folder"),
        ("a\nb\nc", "does not name n01, n02, n03; expected"),
        ("n01\nn02\nn03\nn01", "names n01 more than once"),
    ],
)
def test_a_wrong_classes_txt_is_refused(classes: str, said: str, place: Path) -> None:
    (place / "classes.txt").write_text(classes)
    with pytest.raises(LambdabenchError, match=said):
        image_folder.find(place)


def test_no_folder_and_no_image_are_one_line_each(tmp_path: Path) -> None:
    with pytest.raises(LambdabenchError, match="--data: there is no folder"):
        image_folder.find(tmp_path / "absent")
    (tmp_path / "n01").mkdir()
    with pytest.raises(LambdabenchError, match="has no images, expected a folder for each class") as exception_info:
        image_folder.find(tmp_path)
    assert "\n" not in str(exception_info.value)
