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
