"""Every error that is raised is a leaf of the tree, so that a caller from Python can tell one from another."""

import ast
from pathlib import Path

import pytest

import lambdabench
from lambdabench.core import errors
from lambdabench.core.errors import LambdabenchError

PACKAGE = Path(lambdabench.__file__).parent
ROOT = LambdabenchError.__name__
LEAVES = {
    name: item
    for name, item in vars(errors).items()
    if isinstance(item, type) and issubclass(item, LambdabenchError) and item is not LambdabenchError
}
EXIT_CODES = {"NothingMeasuredError": 3, "NotComparableError": 4}
"""Of the others it is 2: the request cannot be carried out."""


def made(path: Path, *, raised: bool) -> set[str]:
    """Names of what a module calls, or `raised` alone, of what it raises by calling it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    calls = [node.exc for node in nodes if isinstance(node, ast.Raise)] if raised else nodes
    names = [node.func for node in calls if isinstance(node, ast.Call)]
    return {
        name.attr if isinstance(name, ast.Attribute) else name.id
        for name in names
        if isinstance(name, ast.Attribute | ast.Name)
    }


def test_the_root_is_raised_nowhere() -> None:
    places = [
        str(path.relative_to(PACKAGE)) for path in sorted(PACKAGE.rglob("*.py")) if ROOT in made(path, raised=True)
    ]
    assert places == [], f"raise a leaf of core/errors.py: {', '.join(LEAVES)}"


def test_every_leaf_is_needed() -> None:
    assert set(LEAVES) - {name for path in PACKAGE.rglob("*.py") for name in made(path, raised=False)} == set()


@pytest.mark.parametrize("name", LEAVES)
def test_a_leaf_says_when_it_is_raised_and_how_the_program_ends(name: str) -> None:
    assert (LEAVES[name].__doc__ or "").endswith(".")
    assert LEAVES[name].exit_code == EXIT_CODES.get(name, 2)
