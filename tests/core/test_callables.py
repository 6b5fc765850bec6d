"""A callable that is not there, or a file that is no Python, is told from the source in no time; what is not certain is left alone."""

import ast
from pathlib import Path

import pytest

from lambdabench import commands, launch
from lambdabench.core.callables import names_of, refuse_absent
from lambdabench.core.errors import SuiteError
from lambdabench.suite import Overrides


@pytest.mark.parametrize(
    "source",
    [
        "def make(): ...",
        "async def make(): ...",
        "class make: ...",
        "make = 3",
        "make: int = 3",
        "a, (*make, b) = x",
        "from a import make",
        "import make.b",
        "from a import b as make",
        "if x:\n    def make(): ...",
        "try:\n    from a import make\nexcept ImportError:\n    make = None",
        "with a as make: ...",
        "for make in x: ...",
        "def f():\n    global make\n    make = 3",
        "class A:\n    def f(self):\n        global make\n        make = 3",
        "print(make := 3)",
        "match x:\n    case {'a': 1, **make}: ...",
        "match x:\n    case [1, *make]: ...",
        "try: ...\nexcept E as make: ...",
        "from a import *",
        "globals()['make'] = 3",
        "exec('make = 3')",
        "import sys\nsetattr(sys.modules[__name__], 'make', 3)",
        "def __getattr__(name): ...",
    ],
)
def test_what_may_be_there_is_left_to_the_import(source: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(source)
    refuse_absent(f"{tmp_path}/net.py:make")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def other():\n    make = 3",
        "class A:\n    make = 3\n    def make(self): ...",
        "x = lambda make: 3",
        "print(make)",
        "import a.make",
    ],
)
def test_what_cannot_be_there_is_refused(source: str, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(source)
    with pytest.raises(SuiteError, match="make"):
        refuse_absent(f"{tmp_path}/net.py:make")


def test_the_nearest_callable_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("from torch import nn\ndef make(): ...\ndef _own(): ...\nclass Net(nn.Module): ...\n")
    with pytest.raises(SuiteError) as caught:
        refuse_absent(f"{path}:mak")
    assert str(caught.value) == f"--model {path}:mak: no callable of {path} is called 'mak'; did you mean 'make'?"
    with pytest.raises(SuiteError, match="known: Net, make"):
        refuse_absent(f"{path}:zzz")


def test_a_file_that_is_no_python_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text("def make():\n    return (1\n")
    with pytest.raises(SuiteError, match=r"net.py:2: '\(' was never closed: return \(1"):
        refuse_absent(f"{path}:make")
    path.write_text("\x00")
    with pytest.raises(SuiteError, match=r"net.py: source code .* null bytes; mend that line$"):
        refuse_absent(f"{path}:make")


def test_names_of_models_and_programs_have_no_source(tmp_path: Path) -> None:
    (tmp_path / "net.pt2").write_bytes(b"")
    for model in ("resnet50", f"{tmp_path}/net.pt2"):
        refuse_absent(model)
    assert names_of(ast.parse("def f(): ...")) == {"f"}


@pytest.mark.parametrize("model", ["net.py:mak", "net:mak"])
def test_nothing_is_started_for_a_callable_that_is_not_there(
    model: str, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (away / "net.py").write_text("raise SystemExit\ndef make(): ...\n")
    monkeypatch.setattr(launch, "probe", lambda *_, **__: pytest.fail("a probe"))
    with pytest.raises(SuiteError, match="did you mean 'make'"):
        commands.prepare(commands.RunRequest(suite="quickstart", overrides=Overrides(model=(model,))))
