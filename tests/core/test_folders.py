"""Folders are tried without a trace, and what cannot be written is told by its path."""

from pathlib import Path

import pytest

from lambdabench.core import folders
from lambdabench.core.errors import StoreError


def test_a_folder_is_tried_without_a_trace(tmp_path: Path) -> None:
    folders.refuse_unwritable(tmp_path / "a" / "b", "")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_named_before_and_while_writing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "a" / "b", tmp_path / ("x" * 300)):
        with pytest.raises(StoreError, match=r"cannot be written: .*; go elsewhere"):
            folders.refuse_unwritable(folder, "go elsewhere")
        with (
            pytest.raises(StoreError, match=r"cannot be written: .*; go elsewhere"),
            folders.writing(folder / "a", "go elsewhere"),
        ):
            pass
    with pytest.raises(StoreError, match="cannot be written: Is a directory; "), folders.writing(tmp_path / "a", ""):
        tmp_path.write_text("")


def test_a_link_to_itself_or_to_nothing_is_refused(tmp_path: Path) -> None:
    loop, dangling = tmp_path / "loop", tmp_path / "dangling"
    loop.symlink_to(loop)
    dangling.symlink_to(tmp_path / "unmounted")
    for folder, said in (
        (loop, "loop cannot be written: Too many levels of symbolic links; go elsewhere"),
        (loop / "a" / "b", "loop/a/b cannot be written: Too many levels of symbolic links; go elsewhere"),
        (dangling / "a", r"is a link to .*unmounted, which is not there; go elsewhere"),
    ):
        with pytest.raises(StoreError, match=said):
            folders.refuse_unwritable(folder, "go elsewhere")
    (tmp_path / "unmounted").mkdir()
    folders.refuse_unwritable(dangling / "a", "")
