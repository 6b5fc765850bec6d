"""Where the modules that a side ran came from: it has to have run its own, from its tree or from its environment."""

import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from ..core.gate_protocol import PairOutcome, Trouble, UsersRequest

ABSENT = re.compile(r"No module named '([\w.]+)'|cannot import name '\w+' from '([\w.]+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What one side has to run. `names`: of the packages and modules that are compared; `tree` and `home`: its tree and its
    environment, which is empty where it has none of its own; `other`: the other side's tree."""

    side: str
    names: tuple[str, ...]
    tree: str
    home: str
    other: str

    def __str__(self) -> str:
        return json.dumps(asdict(self))


class OwnFirst:
    """A finder that looks for what is compared in a side's own places before any other: what another environment has by the same
    name stands in the search path, and would come before an editable install's own finder."""

    def __init__(self, own: Own) -> None:
        self._own = own

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Its own, or None: then others look, and what they find is told by `foreign`."""
        if name not in self._own.names:
            return None
        places = [name for name in (sys.path if path is None else path) if _is_own(name, self._own)]
        module_spec = PathFinder.find_spec(name, places, target)
        if module_spec is not None and module_spec.origin is not None:
            return module_spec
        others = [protocol for protocol in sys.meta_path if protocol is not self and protocol is not PathFinder]
        return next((spec for other in others if (spec := other.find_spec(name, path, target)) is not None), None)


def own_of(request: UsersRequest, number: int) -> Own:
    """Base's (0) or head's (1)."""
    trees = (request.base, request.head)
    return Own(
        side=("base", "head")[number],
        names=request.names,
        tree=trees[number],
        home=request.homes[number],
        other=trees[1 - number],
    )


def parse(text: str) -> Own:
    """As it prints itself."""
    item = json.loads(text)
    return Own(**item | {"names": tuple(item["names"])})


def foreign(own: Own) -> str:
    """What a side ran that is not its own, and where that is; empty where all that is loaded now is its own."""
    heads = {name.split(".")[0] for name in own.names}
    for name, module in sorted(sys.modules.items()):
        named = name.split(".")[0] in heads and is_named(name, own.names)
        if named and (file := _file(module)) and not _is_own(_real(file), own):
            return f"{own.side} ran {name} from {file}, expected it from {_expected(own)}"
    return ""


def is_named(name: str, names: tuple[str, ...]) -> bool:
    """Whether a module is one of `names` or below one."""
    return any(name == text or name.startswith(f"{text}.") for text in names)


def unmeasured(label: str, why: str, request: UsersRequest) -> PairOutcome:
    """The outcome of a test whose file base cannot import. It is new where file and what it asks for came with head; else it is
    base that is broken, or a file that asks too much of it."""
    match = ABSENT.search(why)
    asks = match is not None and is_named(match[1] or match[2], request.names)
    trouble: Trouble = "base" if asks and label.split("::")[0] in request.fresh else "unmeasured"
    return PairOutcome(label=label, trouble=trouble, reason=why)


def _is_own(file: str, own: Own) -> bool:
    if own.home and _within(file, own.home):
        return True
    inside = _within(file, own.tree) and not (_within(own.other, own.tree) and _within(file, own.other))
    return inside and not {"site-packages", "dist-packages"} & set(Path(os.path.relpath(file, _real(own.tree))).parts)


def _within(file: str, folder: str) -> bool:
    return os.path.join(_real(file), "").startswith(os.path.join(_real(folder), ""))


def _expected(own: Own) -> str:
    return " or ".join(name for name in (own.home, own.tree) if name)


def _file(module: Any) -> str:
    """A module's own file, without asking a lazy one for anything."""
    try:
        result = vars(module).get("__file__")
    except TypeError:
        return ""
    return result if isinstance(result, str) else ""


@cache
def _real(path: str) -> str:
    return os.path.realpath(path)
