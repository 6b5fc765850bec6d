"""The libraries that numbers depend on: each backend names its own, and this is the one place that asks for their versions."""

from ..core import registry
from ..core.errors import UnknownNameError
from ..core.spec import Library, Versions
from . import host


def declared() -> tuple[Library, ...]:
    """What all backends name, outsiders' included; no framework is loaded."""
    named = (library for name in registry.names("backends") for library in _of(name))
    return tuple(dict.fromkeys(named))


def versions() -> Versions:
    """Those that are installed, with their versions: space-separated where several packages bring one library."""
    packages: dict[str, dict[str, None]] = {}
    for library in declared():
        packages.setdefault(library.name, {}).update(dict.fromkeys(library.packages))
    result = {name: host.package_versions(tuple(several)) for name, several in packages.items()}
    return tuple(sorted((name, version) for name, version in result.items() if version))


def on_device(result: Versions, kind: str) -> Versions:
    """Without those that say nothing of a number where this is the kind of accelerator that frameworks drive; "" for none. What no
    backend here names is another machine's, and stays."""
    known = declared()
    needs = {library.name for library in known if library.device} - {
        library.name for library in known if library.device in ("", kind)
    }
    return tuple(pair for pair in result if pair[0] not in needs)


def runtime(backend: str) -> str:
    """The library that a backend runs on, "torch", of one that is not here to ask the beginning of its name; "" for none."""
    try:
        return next((library.name for library in _of(backend)), "")
    except (UnknownNameError, ImportError):
        return backend.partition("_")[0]


def _of(backend: str) -> tuple[Library, ...]:
    return tuple(getattr(registry.load("backends", backend), "LIBRARIES", ()))
