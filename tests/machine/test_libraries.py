"""Backends name the libraries that their numbers depend on; versions are asked for in one place."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lambdabench.core import registry
from lambdabench.core.errors import UnknownNameError
from lambdabench.core.spec import Library
from lambdabench.machine import host, libraries

CUDA = Library(name="cuda", distributions=("cuda-runtime", "cuda-runtime-cu12"), device="cuda")
NAMED: dict[str, tuple[Library, ...]] = {
    "loom_eager": (Library(name="loom"), Library(name="numpy"), CUDA),
    "abacus": (Library(name="beads"), Library(name="numpy"), CUDA, Library(name="rods", device="tpu")),
}
INSTALLED = {"loom": "2.0", "numpy": "1.0", "rods": "0.3", "cuda-runtime": "13.0", "cuda-runtime-cu12": "12.8"}


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(kind: str, name: str) -> SimpleNamespace:
        if name not in {*NAMED, "plain"}:
            raise UnknownNameError(name)
        return SimpleNamespace(LIBRARIES=NAMED[name]) if name in NAMED else SimpleNamespace()

    monkeypatch.setattr(registry, "names", lambda kind: (*NAMED, "plain"))
    monkeypatch.setattr(registry, "load", load)
    monkeypatch.setattr(host, "package_version", lambda name: INSTALLED.get(name, ""))


@pytest.mark.usefixtures("scripted")
def test_each_library_is_told_once_where_it_is_installed() -> None:
    assert [library.name for library in libraries.declared()] == ["loom", "numpy", "cuda", "beads", "rods"]
    assert libraries.versions() == (("cuda", "13.0 12.8"), ("loom", "2.0"), ("numpy", "1.0"), ("rods", "0.3"))


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(
    ("kind", "kept"),
    [("", {"loom", "theirs"}), ("cuda", {"loom", "cuda", "theirs"}), ("tpu", {"loom", "rods", "theirs"})],
)
def test_what_is_an_accelerators_alone_is_told_where_it_is_driven(kind: str, kept: set[str]) -> None:
    every = (("cuda", "13.0"), ("loom", "2.0"), ("rods", "0.3"), ("theirs", "1"))
    assert {name for name, _ in libraries.on_device(every, kind)} == kept


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(
    ("backend", "runtime"), [("loom_eager", "loom"), ("abacus", "beads"), ("plain", ""), ("else_jit", "else")]
)
def test_a_backend_runs_on_the_first_library_that_it_names(backend: str, runtime: str) -> None:
    assert libraries.runtime(backend) == runtime


def test_naming_them_loads_no_framework() -> None:
    code = (
        "import sys; from lambdabench.machine import libraries; found = libraries.declared(); "
        "assert {'torch', 'jax', 'timm', 'cudnn', 'libtpu'} <= {one.name for one in found}, found; "
        "print(*sorted({'torch', 'jax', 'jaxlib', 'flax', 'timm', 'triton'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, check=True)
    assert done.stdout.strip() == ""
