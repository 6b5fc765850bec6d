"""Names of backends, metrics, plots, layers and model families: the module is the name; nothing is imported to list them."""

import difflib
import functools
import importlib
import pkgutil
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from .errors import UnknownNameError

ROOT = __name__.split(".")[0]
LISTS = ("suites", "models", "layers", "backends", "metrics", "plots", "runs", "devices", "statuses", "flags")
"""What `lambdabench list` lists: of these, kinds of modules are listed by `names`."""
LISTED = f"{', '.join(LISTS[:-1])} or {LISTS[-1]}"


def names(kind: str) -> tuple[str, ...]:
    """Sorted public names under `kind` ("backends", "metrics", ...), outsiders' entry points `lambdabench.<kind>` included."""
    package = importlib.import_module(f"{ROOT}.{kind}")
    ours = {
        iter_module.name
        for iter_module in pkgutil.iter_modules(package.__path__)
        if not iter_module.name.startswith("_")
    }
    return tuple(sorted(ours | {outsider.name for outsider in _outsiders(kind)}))


def load(kind: str, name: str) -> ModuleType:
    """The module called `name`. Raises UnknownNameError naming the nearest."""
    if name not in names(kind):
        raise unknown(kind.removesuffix("s"), name, names(kind))
    for outsider in _outsiders(kind):
        if outsider.name == name:
            return outsider.load()
    return importlib.import_module(f"{ROOT}.{kind}.{name}")


@functools.cache
def _outsiders(kind: str) -> tuple[EntryPoint, ...]:
    """Read once: it looks through every installed package."""
    return tuple(entry_points(group=f"lambdabench.{kind}"))


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a name that is not known, with the nearest that is."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = (
        f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}"
    )
    return UnknownNameError(f"no {what} is called {name!r}; {hint}")
