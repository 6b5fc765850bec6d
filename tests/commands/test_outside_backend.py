"""A backend of another package, found by its entry point alone: what it runs on is in its rows and decides what is the same machine."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from lambdabench import commands, store
from lambdabench.cli import show_view
from lambdabench.commands import RunRequest
from lambdabench.core import registry

MODULE = """
from lambdabench.backends.fake import CHOICES, COMPILES, FRAMEWORK, OPTIONS, open_session, prepare
from lambdabench.core.spec import Device, Library

LIBRARIES = (Library(name="beads", distributions=("beads", "beads-nightly")),)


def find_devices():
    return (Device(name="abacus", title="an abacus", memory_bytes=2**40, backends=("abacus",), gemm_flop_per_s=1e12),)
"""
SUITE = """
schema = 1
metrics = ["latency"]
[defaults]
backend = "abacus"
device = "abacus"
[[grid]]
model = ["resnet50", "resnet18"]
"""


def install(site: Path, name: str, version: str, entry_points: str = "") -> None:
    """A distribution as pip leaves it, the older one gone."""
    for old in site.glob(f"{name.replace('-', '_')}-*.dist-info"):
        shutil.rmtree(old)
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages that workers see too, with the backend in it."""
    folder = tmp_path / "site"
    install(folder, "abacus-backend", "1.0", "[lambdabench.backends]\nabacus = abacus\n")
    install(folder, "beads", "4.2")
    (folder / "abacus.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    registry._outsiders.cache_clear()  # pyright: ignore[reportPrivateUsage]
    yield folder
    registry._outsiders.cache_clear()  # pyright: ignore[reportPrivateUsage]


def test_its_library_is_in_its_rows_and_in_their_fingerprint(site: Path, tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(SUITE)
    asked = RunRequest(suite=str(tmp_path / "two.toml"), results=tmp_path / "results", reports=tmp_path / "reports")
    first = commands.run(asked)
    assert set(first.rows["env_beads"]) == {"4.2"}
    assert set(first.rows["fingerprint"]) == {first.prepared.fingerprint}, "the worker saw it too"
    assert len(commands.prepare(asked).plan.kept) == 2

    install(site, "beads", "4.3")
    second = commands.run(asked)
    assert len(second.prepared.plan.jobs) == 2, "another runtime's numbers are not these"
    assert second.prepared.fingerprint != first.prepared.fingerprint
    rows = store.read(asked.results)
    assert {(row["env_beads"], row["fingerprint"]) for row in rows.to_dict("records")} == {
        ("4.2", first.prepared.fingerprint),
        ("4.3", second.prepared.fingerprint),
    }
    assert "env_beads" in commands.wide_frame(rows)
    console = Console(width=300, record=True)
    show_view.print_cases(console, second.cases, second.rows, lambda case: "")
    assert "beads 4.3" in console.export_text()
