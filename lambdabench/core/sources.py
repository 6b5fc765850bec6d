"""A user's own network by its reference: the files that it is made of, and the hash that says whether one of them has changed.

Its own files are those that it imports, whatever they import, from below the folder of its file or package, or the folder one is in. In the
parent, which imports none of them, they are read for what they import; a process that has made the network says what else was imported.
Files that it opens by itself (weights, settings, C++ sources) are not among them.
"""

import ast
import functools
import hashlib
import importlib.util
import os
import pkgutil
import sys
import sysconfig
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from .errors import SuiteError
from .spec import MODEL_NAME

DIGITS = 12
FILES = (".pt2", ".onnx")
"""Endings of networks that are files by themselves."""
PACKAGE = Path(__file__).resolve().parents[1]
FRAMEWORKS = frozenset({"torch", "torchvision", "timm", "triton", "jax", "jaxlib", "flax", "numpy", PACKAGE.name})
"""Told by their versions, wherever they are installed."""
INSTALLED = tuple(
    dict.fromkeys(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))
)
"""Where no one's own files are, but for those of a package that is named by its module."""
SITES = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where a user's network comes from. `module` is its dotted name, empty for a file; `path` where imports are looked for first."""

    file: Path
    module: str = ""
    roots: tuple[Path, ...] = ()
    path: tuple[str, ...] = ()


@dataclass(slots=True)
class _Walk:
    """What was found so far, and what is still to be read: files with the dotted package that their relative imports start from."""

    network: Network
    files: dict[Path, None] = field(default_factory=dict[Path, None])
    waiting: list[tuple[Path, str]] = field(default_factory=list[tuple[Path, str]])
    known: dict[str, ModuleSpec | None] = field(default_factory=dict[str, "ModuleSpec | None"])


def source_hash(model: str, seen: Mapping[str, str] | None = None) -> str:
    """Hash of the sources of a user's own model; empty for a name. Of a network that imports nothing of its own its file's alone.

    `seen` are files that a process imported for it, with their digests then (see `imported`): those count, and not what the files are now.
    Raises SuiteError where the model's file is absent.
    """
    network = _network(model)
    if network is None:
        return ""
    digests = {path: _digest(path) for path in files_of(network)}
    digests |= {Path(path): digest for path, digest in (seen or {}).items() if digest}
    whole = digests.pop(network.file.resolve())
    if not digests:
        return whole[:DIGITS]
    names = sorted((_name(path, network), digest) for path, digest in digests.items())
    return hashlib.sha256("\n".join([whole, *(f"{name} {digest}" for name, digest in names)]).encode()).hexdigest()[
        :DIGITS
    ]


def file_of(model: str) -> Path | None:
    """The file of a user's own model; None for a name. Raises SuiteError where it is absent."""
    network = _network(model)
    return None if network is None else network.file


def imported(model: str, beside: Iterable[str] = ()) -> dict[str, str]:
    """The own files of a user's model that this process has imported, with their digests now; empty for a name. Where it has imported
    other models `beside` it, without those that are theirs alone."""
    try:
        network = _network(model)
    except SuiteError:
        return {}
    if network is None or network.file.suffix in FILES:
        return {}
    modules = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
    named = [path for name, path in modules if isinstance(path, str) and name.split(".")[0] not in FRAMEWORKS]
    files = {path for path in (_own_file(name, network) for name in named) if path is not None}
    files -= {path for name in beside for path in _told(name)} - {*files_of(network)}
    return {str(file): digest for file in sorted(files) if (digest := _digest(file)) and not _is_empty(file)}


def _told(model: str) -> list[Path]:
    """The own files of a model as far as they can be told without importing them; none for a name, or where it is absent."""
    try:
        network = _network(model)
    except SuiteError:
        return []
    return [] if network is None else files_of(network)


def first_seen(model: str, known: Mapping[str, str], result: Mapping[str, str]) -> dict[str, str]:
    """Files with the digests that they had when they were imported: those of modules, which are imported once, as they were `known`; the
    model's own file, which runs again for each case, as it is `found`."""
    place = model.rpartition(":")[0]
    again = str(Path(place).resolve()) if place.endswith(".py") else ""
    return {**result, **{path: digest for path, digest in known.items() if path != again or path not in result}}


def digests(paths: Iterable[str]) -> dict[str, str]:
    """Files that are there, with their digests now."""
    return {path: digest for path in paths if (digest := _digest(Path(path)))}


def is_current(seen: Mapping[str, str]) -> bool:
    """Whether files still have the digests that they had."""
    return all(_digest(Path(path)) == digest for path, digest in seen.items())


def files_of(network: Network) -> list[Path]:
    """The network's file, and its own files that it imports as far as they can be told without importing them."""
    walk = _Walk(network=network)
    main = network.file.resolve()
    if main.suffix in FILES:
        weights = main.with_name(
            f"{main.name}.data"
        )  # as torch.onnx calls what does not fit, or is not wanted, in the file
        return [main, weights] if weights.is_file() else [main]
    importlib.invalidate_caches()  # a file may be as young as its folder's last listing
    package = network.module if main.name == "__init__.py" else network.module.rpartition(".")[0]
    for name in _parents(network.module):
        _visit(walk, name)
    walk.files[main] = None
    walk.waiting.append((main, package))
    done: set[Path] = set()
    while walk.waiting:
        path, package = walk.waiting.pop()
        if path in done or path.suffix != ".py":
            continue
        done.add(path)
        for name in _names(path, package):
            _visit(walk, name)
    return [file for file in walk.files if file == main or not _is_empty(file)]


def _network(model: str) -> Network | None:
    """Where a model comes from; None for one that is known by its name. Raises SuiteError."""
    if MODEL_NAME.fullmatch(model) and not model.endswith(FILES):
        return None
    place, _, attribute = model.rpartition(":")
    if model.endswith(FILES):
        network = Network(file=Path(model))
    elif not place or not attribute.isidentifier():
        raise SuiteError(
            f"found --model {model}, expected file.py:callable, package.module:callable, net.pt2 or net.onnx"
        )
    elif place.endswith(".py"):
        folder, here = Path(place).resolve().parent, Path.cwd()
        network = Network(file=Path(place), roots=_roots(folder, here), path=(str(folder), str(here), *sys.path))
    else:
        network = _by_module(place)
    if not network.file.is_file():
        raise SuiteError(f"--model {model}: there is no file {network.file}; give its path from {Path.cwd()}")
    return network


def _by_module(name: str) -> Network:
    """A module as the worker imports it: from the folder one is in, else from where Python looks."""
    path = (str(Path.cwd()), *sys.path)
    spec = _spec(_Walk(network=Network(file=Path(), path=path)), name)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise SuiteError(
            f"--model {name}: there is no module of that name here; "
            "install it, start in the folder it is in, or give file.py:callable"
        )
    file = Path(spec.origin)
    top = (
        file.resolve().parents[name.count(".") - (file.name != "__init__.py")] if "." in name else file.resolve().parent
    )
    is_alone = "." not in name and file.name != "__init__.py" and _is_installed(top)
    roots = _roots(*([] if is_alone else [top]), Path.cwd())
    return Network(file=file, module=name, roots=roots, path=path)


def _roots(*folders: Path) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(folder.resolve() for folder in folders))


def _is_installed(path: Path) -> bool:
    return bool(SITES & {*path.parts}) or any(path.is_relative_to(item) for item in INSTALLED)


def _own_file(name: str, network: Network) -> Path | None:
    """The file of a module, links followed, where it is the network's own: below one of its roots, by the link or by what it leads to,
    and not of a package that is only installed there."""
    path = Path(os.path.abspath(name))
    real = path.resolve()
    if real == network.file.resolve():
        return real
    if real.is_relative_to(PACKAGE) or not real.is_file():
        return None
    return real if _is_below(path, network) or _is_below(real, network) else None


def _is_below(path: Path, network: Network) -> bool:
    below = [root for root in network.roots if path.is_relative_to(root)]
    return any(_is_installed(path) for path in below) or (bool(below) and not _is_installed(path))


def _visit(walk: _Walk, name: str) -> None:
    """Takes in the file of a module, and those of the packages that it is in, where they are the network's own."""
    if name.split(".")[0] in FRAMEWORKS:
        return
    for parent in (*_parents(name), name):
        spec = _spec(walk, parent)
        if spec is None:
            return
        if spec.origin is None or not spec.has_location:
            continue  # a folder without an `__init__.py`
        path = _own_file(spec.origin, walk.network)
        if path is None:
            return
        if path not in walk.files:
            walk.files[path] = None
            walk.waiting.append((path, parent if path.name == "__init__.py" else parent.rpartition(".")[0]))


def _spec(walk: _Walk, name: str) -> ModuleSpec | None:
    """Where Python would find a module, without importing it or its packages; None where it would not."""
    if name not in walk.known:
        walk.known[name] = None  # a cycle ends here
        above, _, _ = name.rpartition(".")
        if above:
            package = _spec(walk, above)
            places = list(package.submodule_search_locations or ()) if package is not None else []
            walk.known[name] = _found(name, places)
        elif name not in sys.builtin_module_names:
            walk.known[name] = _found(name, walk.network.path) or _hooked(name)
    return walk.known[name]


def _found(name: str, places: Sequence[str]) -> ModuleSpec | None:
    """What the folders hold of a name: the first module or package, else all folders of that name together."""
    folders: list[str] = []
    for place in places:
        finder: Any = pkgutil.get_importer(place)
        spec = None if finder is None else finder.find_spec(name)
        if spec is not None and spec.loader is not None:
            return spec
        folders += [] if spec is None else spec.submodule_search_locations or []
    if not folders:
        return None
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = folders
    return spec


def _hooked(name: str) -> ModuleSpec | None:
    """What import hooks find, as those of editable installs."""
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        return None


def _parents(name: str) -> list[str]:
    """ "a.b.c" -> "a", "a.b"."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))] if name else []


def _names(path: Path, package: str) -> Iterator[str]:
    """Dotted names of all that a file may import: modules, and what is imported from them, which may be modules too."""
    for level, module, names in _imports(path.read_bytes()):
        if level:
            parts = package.split(".") if package else []
            base = ".".join([*parts[: len(parts) - level + 1], *([module] if module else [])])
        else:
            base = module
        if base:
            yield base
        yield from (f"{base}.{name}" if base else name for name in names)


@functools.lru_cache(maxsize=1024)
def _imports(source: bytes) -> tuple[tuple[int, str, tuple[str, ...]], ...]:
    """(Leading dots, module, names from it) of each import in a source, wherever it stands; none where it is no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    return tuple(_of_nodes(ast.walk(tree)))


def _of_nodes(nodes: Iterable[ast.AST]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    for node in nodes:
        match node:
            case ast.Import(names=names):
                yield from ((0, name.name, ()) for name in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                yield level, module or "", tuple(name.name for name in names if name.name != "*")
            case ast.Call(
                func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"), args=[first, *_]
            ):
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    bare = first.value.lstrip(".")
                    yield len(first.value) - len(bare), bare, ()
            case _:
                pass


def _is_empty(path: Path) -> bool:
    """Whether a module does nothing, as many a package's `__init__.py`."""
    if path.suffix != ".py" or path.stat().st_size > 2**12:
        return False
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) for item in tree.body)


def _digest(path: Path) -> str:
    """Of a file's content; empty where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _name(path: Path, network: Network) -> str:
    """A file by its place below the nearest root, so that a folder may be moved."""
    below: Collection[Path] = [root for root in network.roots if path.is_relative_to(root)]
    nearest = max(below, key=lambda path: len(path.parts), default=None)
    return (path if nearest is None else path.relative_to(nearest)).as_posix()
