"""What a project is made of: packages and modules by the names that tests import them by."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lambdabench.core.errors import GateError
from lambdabench.gate import project

from .conftest import Repository

Make = Callable[[str], Repository]


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (("src/shapes/__init__.py", "src/shapes/deep/inner.py"), {"shapes": "src"}),
        (("shapes/__init__.py", "setup.py", "conftest.py", "tests/test_a.py"), {"shapes": ""}),
        (("src/acme/shapes/__init__.py",), {"acme.shapes": "src"}),
        (("src/single.py", "src/fast.pyx"), {"single": "src", "fast": "src"}),
        (("code/shapes/__init__.py", "code/shapes/a.py"), {"shapes": "code"}),
        (("packages/one/src/one/__init__.py",), {"one": "packages/one/src"}),
        (("random.py", "no-name.py", "docs-of/conf.py"), {}),
    ],
)
def test_names_by_layout(make_repository: Make, files: tuple[str, ...], wanted: dict[str, str]) -> None:
    made = make_repository("project")
    for file in files:
        made.write(file, "")
    made.commit()
    modules = project.modules(made.folder)
    assert {name: modules.get(name) for name in wanted} == wanted
    assert not {"random", "no-name", "test_a", "conftest", "setup"} & set(modules)


def test_what_only_one_side_has_is_ours_unless_somebody_else_installed_it(make_repository: Make) -> None:
    base, head = make_repository("base"), make_repository("head")
    for made in (base, head):
        made.write("src/shapes/__init__.py", "")
    head.write("src/newer/__init__.py", "")
    head.write("src/pytest/__init__.py", "")
    head.write("third_party/numpy/__init__.py", "")
    base.write("third_party/numpy/__init__.py", "")
    names = project.names(base.folder, head.folder)
    assert {"shapes", "newer"} <= set(names)
    assert not {"pytest", "numpy"} & set(names)
    for made in (base, head):
        made.write("src/pytest/__init__.py", "")
        made.write("pluggy.py", "")
        made.write("script.py", "")
    assert "pluggy" not in project.names(base.folder, head.folder), (
        "a script by the name of a package that others installed"
    )
    assert "script" in project.names(base.folder, head.folder)
    assert "pytest" in project.names(base.folder, head.folder), "whose project is pytest compares its own"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pyproject.toml", '[project]\nname = "PyTest"\n'),
        ("pyproject.toml", '[tool.poetry]\nname = "pytest"\n'),
        ("setup.cfg", "[metadata]\nname = pytest\n"),
        ("setup.py", "setup(name='pytest')\n"),
    ],
)
def test_a_project_of_another_name_than_its_package_is_known_by_its_settings(
    make_repository: Make, file: str, text: str
) -> None:
    made = make_repository("project")
    made.write(file, text)
    assert "_pytest" in project.names(made.folder, made.folder), "what it installs, wherever its tree keeps it"


def test_settings_that_cannot_be_read_are_none(make_repository: Make, tmp_path: Path) -> None:
    made = make_repository("project")
    made.write("pyproject.toml", "project = [")
    made.write("setup.cfg", "name")
    assert project.names(made.folder, made.folder) == ()
    assert project.read_toml(tmp_path / "absent.toml") == {}


def test_what_an_installation_left_half_stops_nothing(
    make_repository: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_repository("project")
    made.write("src/shapes/__init__.py", "")
    half = tmp_path / "site" / "half-1.0.dist-info"
    half.mkdir(parents=True)
    (half / "direct_url.json").write_text("{")
    (half / "top_level.txt").write_text("half")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert "shapes" in project.names(made.folder, made.folder)
    with pytest.raises(GateError, match=r"git does not tell what .* holds: fatal: not a git repository"):
        project.modules(tmp_path)
