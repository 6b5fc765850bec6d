"""Two versions of somebody else's package in one process, under one name: one of them is in `sys.modules` at a time."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

Tree = Literal["base", "head"]
MARKERS = ("torch.library", "torch.ops.load_library", "torch.utils.cpp_extension", "jax.ffi.register", "TORCH_LIBRARY")
"""What registers something for the whole process: the second version would silently replace the first one's."""
EXTENSIONS = (".so", ".pyd", ".dylib")


class TwoTrees:
    """Modules and search paths of two trees. It starts with head's, which whoever made it has imported."""

    def __init__(self, base: Path, head: Path) -> None:
        self.folders: dict[Tree, Path] = {"base": base.resolve(), "head": head.resolve()}
        self.now: Tree = "head"
        self._modules: dict[Tree, dict[str, ModuleType]] = {"base": {}, "head": {}}
        self._paths: dict[Tree, list[str]] = {"base": [self.mapped(name) for name in sys.path], "head": list(sys.path)}
        self._places: dict[str, tuple[int, bool]] = {}
        self._seen = 0
        sys.meta_path.insert(0, self)  # pyright: ignore[reportArgumentType] (a finder needs no more than find_spec)

    def take(self, tree: Tree) -> None:
        """From now on imports mean this tree's modules."""
        if tree == self.now:
            return
        self._modules[self.now] = mine = self.modules()
        self._paths[self.now] = list(sys.path)
        for name in mine:
            del sys.modules[name]
        sys.modules.update(self._modules[tree])
        self._seen, self.now = len(sys.modules), tree
        sys.path[:] = self._paths[tree]

    def modules(self) -> dict[str, ModuleType]:
        """Those of the current tree that are loaded; looked for again only where some were added."""
        known = self._modules[self.now]
        if known and len(sys.modules) == self._seen and all(name in sys.modules for name in known):
            return known
        folder = self.folders[self.now]
        return {
            name: module
            for name, module in list(sys.modules.items())
            if name != "__main__" and is_below(module, folder)
        }

    def mapped(self, path: str) -> str:
        """A path below head as the same one below base; any other as it is."""
        try:
            return str(self.folders["base"] / Path(path).resolve().relative_to(self.folders["head"])) if path else path
        except ValueError:
            return path

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Where an editable install points to head while base is meant, base's file. Raises ModuleNotFoundError if it has none."""
        if self.now == "head" or path is not None:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            module_spec = finder.find_spec(name, path, target)
            if module_spec is None:
                continue
            if (
                module_spec.origin is None
                or self.mapped(module_spec.origin) == module_spec.origin
                or _is_foreign(module_spec.origin)
            ):
                return None
            place = Path(self.mapped(module_spec.origin))
            if not place.exists():
                raise ModuleNotFoundError(f"base has no module {name}", name=name)
            within = [str(place.parent)] if module_spec.submodule_search_locations is not None else None
            return importlib.util.spec_from_file_location(name, place, submodule_search_locations=within)
        return None


def is_below(module: Any, folder: Path) -> bool:
    """Whether a module's file is in a tree, and in no environment inside it."""
    places = [getattr(module, "__file__", None) or "", *_path_of(module)]
    return any(place.startswith(f"{folder}/") and not _is_foreign(place) for place in places if isinstance(place, str))


def why_apart(modules: dict[str, ModuleType]) -> str:
    """Why two versions of these modules cannot live in one process; empty where they can."""
    for name, module in sorted(modules.items()):
        file = getattr(module, "__file__", None) or ""
        if file.endswith(EXTENSIONS):
            return f"{name} is a compiled extension"
        if file.endswith(".py"):
            text = Path(file).read_text(errors="replace")
            if word := next((name for name in MARKERS if name in text), None):
                return f"{name} registers something for the whole process ({word})"
    return ""


def _path_of(module: Any) -> list[str]:
    try:
        return [str(item) for item in module.__path__]
    except (AttributeError, TypeError, KeyError):
        return []


def _is_foreign(path: str) -> bool:
    return "/site-packages/" in path or "/dist-packages/" in path
