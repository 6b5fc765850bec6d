"""The house rules that no linter knows: lengths of functions and files, relative imports, sources beside numbers."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lambdabench"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FUNCTION, USUAL_FUNCTION, LONGEST_FILE = 60, 25, 400


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring and decorators."""
    assert node.end_lineno is not None
    body = node.body[1:] if ast.get_docstring(node) is not None and len(node.body) > 1 else node.body
    return node.end_lineno - body[0].lineno + 2


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_is_short_documented_and_imports_its_own_package_relatively(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert text.count("\n") < LONGEST_FILE
    assert ast.get_docstring(tree), "a module says what it is for"
    assert {
        function.name: length(function) for function in functions(tree) if length(function) > LONGEST_FUNCTION
    } == {}
    absolute = [
        name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names])
        if name.split(".")[0] == PACKAGE.name and not getattr(node, "level", 0)
    ]
    assert absolute == [], "inside the package imports are relative"


def test_nine_functions_in_ten_are_under_25_lines() -> None:
    lengths = sorted(length(function) for path in MODULES for function in functions(ast.parse(path.read_text())))
    assert lengths[int(0.9 * len(lengths))] < USUAL_FUNCTION


SAYS_NOTHING = {
    *("base", "common", "data", "helper", "helpers", "manager", "misc", "util", "utils"),
    *(
        "apart",
        "alone",
        "ends",
        "found",
        "fresh",
        "hands",
        "kept",
        "level",
        "looks",
        "one",
        "owned",
        "places",
        "reach",
        "said",
        "saved",
    ),
    *("seen", "shelf", "sides", "stored", "swap", "told", "visited", "want"),
}
"""Names of modules by which nobody guesses what is in them."""


def test_modules_are_named_after_things() -> None:
    assert {path.stem for path in MODULES} & SAYS_NOTHING == set()
    commands = {path.stem for path in MODULES if path.parent.name == "commands"}
    assert {name for name in commands if name.endswith("ing")} == set(), (
        "a file is named for its command, not for what it does"
    )
