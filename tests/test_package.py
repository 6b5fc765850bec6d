"""The wheel and the source archive: what people install runs outside a checkout."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
hatchling = pytest.importorskip("hatchling.build", reason="needs hatchling, of the extra test")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both, built from this tree."""
    folder = tmp_path_factory.mktemp("dist")
    here = Path.cwd()
    os.chdir(ROOT)
    try:
        hatchling.build_wheel(str(folder))
        hatchling.build_sdist(str(folder))
    finally:
        os.chdir(here)
    return folder


def test_a_wheel_runs_outside_a_checkout(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    package = tmp_path / "site" / "lambdabench"
    assert (package / "py.typed").exists()
    assert list(tmp_path.glob("site/*.dist-info/licenses/LICENSE"))
    here = tmp_path / "anywhere"
    here.mkdir()
    command = [sys.executable, "-m", "lambdabench", "run", "--suite", "fake", "--models", "resnet50"]
    done = subprocess.run(
        command, cwd=here, env=os.environ | {"PYTHONPATH": str(tmp_path / "site")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list(here.glob("results/fake/*.parquet"))
    assert list(here.glob("reports/fake/*.svg"))


def test_a_source_archive_holds_its_tests_and_what_they_read(dist: Path) -> None:
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    wanted = {"README.md", "LICENSE", "CITATION.cff", ".ci/run", ".ci/constraints.txt", "suites/quickstart.toml"}
    wanted |= {"tests/conftest.py", "tests/test_package.py", ".github/action.yml", "reports/race/index.md"}
    assert wanted <= names
    assert not {name for name in names if name.startswith((".venv", "results/")) and "reference" not in name}
