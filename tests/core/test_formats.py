"""A file that is no network we can run is told what it is and what to do, without being loaded."""

import zipfile
from pathlib import Path

import pytest

from lambdabench.core.errors import SuiteError
from lambdabench.core.formats import KINDS, refuse


@pytest.mark.parametrize("ending", sorted(KINDS))
def test_every_kind_of_file_says_what_it_is_and_what_to_give(ending: str) -> None:
    with pytest.raises(
        SuiteError, match=rf"^--model Net{ending} is {KINDS[ending][0][:12]}.*--model file\.py:callable"
    ):
        refuse(f"Net{ending}")


def archive(path: Path, *names: str) -> str:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(f"net/{name}", "")
    return str(path)


def test_what_torch_saved_is_told_by_its_contents(tmp_path: Path) -> None:
    scripted = archive(tmp_path / "net.pt", "data.pkl", "constants.pkl", "code/__torch__.py")
    with pytest.raises(
        SuiteError, match=r"net\.pt is TorchScript; put .*torch\.jit\.load\('.*net\.pt'\)` into net\.py"
    ):
        refuse(scripted)
    with pytest.raises(
        SuiteError, match=r"weights\.pth is what torch\.save wrote, weights most often; give what makes it"
    ):
        refuse(archive(tmp_path / "weights.pth", "data.pkl", "data/0"))
    with pytest.raises(SuiteError, match=r"is an exported program under another name; call it program\.pt2"):
        refuse(archive(tmp_path / "program.pt", "archive_format", "models/model.json"))
    (tmp_path / "old.pt").write_bytes(b"\x80\x02")
    with pytest.raises(SuiteError, match=r"old\.pt is what torch\.save wrote"):
        refuse(str(tmp_path / "old.pt"))
    with pytest.raises(SuiteError, match=r"absent\.pt is no file that is there"):
        refuse("absent.pt")


def test_a_source_file_asks_for_its_callable() -> None:
    with pytest.raises(SuiteError, match=r"which callable of it makes the network\? Expected net\.py:NAME"):
        refuse("net.py")


@pytest.mark.parametrize(
    "model", ["resnet18", "tf_efficientnet_b0", "net.py:make", "package.module:make", "net.pt2", "net.onnx", "a.b"]
)
def test_what_can_be_run_passes(model: str) -> None:
    refuse(model)
