"""What Tab completes beside commands and flags: names that this package knows without loading a framework."""

from collections.abc import Iterable

from ..core import registry
from ..core.spec import DTYPES, MODES


def suites(incomplete: str) -> list[str]:
    """Names of suites."""
    from .. import suite

    return _beginning(suite.names(), incomplete)


def backends(incomplete: str) -> list[str]:
    """Names of runtimes, the last of several."""
    return _last(registry.names("backends"), incomplete)


def dtypes(incomplete: str) -> list[str]:
    """Names of dtypes, the last of several."""
    return _last(DTYPES, incomplete)


def modes(incomplete: str) -> list[str]:
    """Names of modes, the last of several."""
    return _last(MODES, incomplete)


def lists(incomplete: str) -> list[str]:
    """What `list` lists."""
    return _beginning(registry.LISTS, incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _last(names: Iterable[str], incomplete: str) -> list[str]:
    """Completions of what follows the last comma."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _beginning(names, last)]
