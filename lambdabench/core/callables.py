"""Whether a user's file has the callable that is asked for, read off its source: nothing is imported, and what cannot be certain is left
to the process that imports it."""

import ast
from collections.abc import Iterator

from . import registry
from .errors import SuiteError
from .sources import file_of

BEHIND_THE_SOURCE = frozenset(
    {"globals", "vars", "locals", "exec", "setattr", "__import__", "import_module", "modules"}
)
"""Names with which a module may be given attributes that its source does not name."""
LONGEST = 80
"""Characters of a line that are shown."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def refuse_absent(model: str) -> None:
    """Raises SuiteError where a user's model is in a file that is no Python, or that certainly has no such callable."""
    path = file_of(model)
    if path is None or path.suffix != ".py":
        return
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        place = f"{path}:{error.lineno}" if error.lineno else str(path)
        line = "".join(name for name in (error.text or "").strip() if name.isprintable())[:LONGEST]
        raise SuiteError(
            f"--model {model}: {place}: {error.msg}{f': {line}' if line else ''}; mend that line"
        ) from error
    except (ValueError, RecursionError, MemoryError):
        return
    attribute = model.rpartition(":")[2]
    known = names_of(tree)
    if known is None or attribute in known or attribute.startswith("__"):
        return
    made = [item.name for item in tree.body if isinstance(item, (*FUNCTIONS, ast.ClassDef)) and item.name[0] != "_"]
    none = f"{path} has no {attribute!r} and no other callable; write a function there that returns the network"
    problem = registry.unknown(f"callable of {path}", attribute, made) if made else none
    raise SuiteError(f"--model {model}: {problem}")


def names_of(tree: ast.Module) -> set[str] | None:
    """All names that a module may have once it is imported; None where its source alone does not say."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                return None
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in BEHIND_THE_SOURCE:
                return None
            case _:
                pass
    texts = {name for node in _of_module(tree) for name in _bound(node)}
    return None if "__getattr__" in texts else texts


def _of_module(tree: ast.AST) -> Iterator[ast.AST]:
    """Nodes that run as the module's own, not within a function or class; and what names globals anywhere."""
    for node in ast.iter_child_nodes(tree):
        yield node
        if isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            yield from (item for item in ast.walk(node) if isinstance(item, ast.Global))
        else:
            yield from _of_module(node)


def _bound(node: ast.AST) -> list[str]:
    """Names that a node gives a meaning."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return [(name.asname or name.name).partition(".")[0] for name in names]
        case ast.Global(names=names):
            return list(names)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
        case _:
            return []
