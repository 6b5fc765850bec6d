"""README and the pages that live with the code: reachable, with links that lead somewhere, and examples that the program takes."""

import ast
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest
import typer.main

import lambdabench as lb
from lambdabench import suite
from lambdabench.cli.app import app
from lambdabench.gate import settings

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
LONGEST_LINES = 150
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)\)")
PLACE = re.compile(r"`((?:reports|results|tests|suites|lambdabench|\.github)/[\w./-]+)`")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def links(page: Path) -> list[Path]:
    """Files that a page leads to."""
    targets = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    return [(page.parent / target).resolve() for target in targets]


def reached() -> list[Path]:
    """README and every Markdown page that can be reached from it."""
    pages, ahead = [README], [README]
    while ahead:
        for target in links(ahead.pop()):
            if target.suffix == ".md" and target.exists() and target not in pages:
                pages.append(target)
                ahead.append(target)
    return pages


PAGES = reached()
BLOCKS = [
    pytest.param(language, text, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, (language, text) in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
]


def test_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LONGEST_LINES


def test_every_page_beside_the_code_is_reached_from_readme() -> None:
    beside = {*ROOT.glob("lambdabench/**/README.md"), *ROOT.glob("suites/*.md"), *ROOT.glob(".github/*.md")}
    assert beside - set(PAGES) == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    assert [target for target in links(page) if not target.exists()] == []
    if ROOT / "reports" not in page.parents:
        named = PLACE.findall(page.read_text(encoding="utf-8"))
        assert [
            place
            for place in named
            if not (ROOT / place).exists() and not place.startswith(("reports/quickstart", "reports/index.html"))
        ] == []


def commands(text: str) -> list[list[str]]:
    """The words of every lambdabench command in a block."""
    lines = [re.sub(r"\s+#.*$", "", line.strip()) for line in text.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("lambdabench ")]


@pytest.mark.parametrize(("language", "text"), BLOCKS)
def test_an_example_is_what_the_program_takes(language: str, text: str, tmp_path: Path) -> None:
    if language == "python":
        tree = ast.parse(text)
        names = {
            node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "lb"
        }
        assert names <= set(dir(lb))
    elif language == "toml" and "tool" in tomllib.loads(text):
        (tmp_path / "pyproject.toml").write_text(text)
        assert settings.read(tmp_path).waiver
    elif language == "toml":
        (tmp_path / "example.toml").write_text(text)
        assert suite.load(str(tmp_path / "example.toml")).cells
    elif language == "":
        for words in commands(text):
            _takes(words)


def _takes(words: list[str]) -> None:
    """Parses a command as the program does, down to its last group, and runs nothing."""
    command: click.Command = typer.main.get_command(app)
    context: click.Context | None = None
    while isinstance(command, click.Group):
        context = command.make_context("lambdabench", list(words), parent=context)
        name, following, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert following is not None, name
        command = following
    command.make_context("lambdabench", list(words), parent=context)
