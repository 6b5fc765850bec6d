"""What a glob of names picks, where names hold brackets of their own: `test_w[2000]`."""

import fnmatch
from collections.abc import Sequence


def picked(names: Sequence[str], glob: str) -> tuple[str, ...]:
    """Names that `glob` matches, in their order: the one that it is, else those that it matches with its brackets as they stand,
    or as a choice of characters."""
    if glob in names:
        return (glob,)
    plain = glob.replace("[", "[[]")
    return tuple(name for name in names if fnmatch.fnmatchcase(name, glob) or fnmatch.fnmatchcase(name, plain))


def unmatched(names: Sequence[str], glob: str, kind: str) -> str:
    """What is said where `--only` matches none of the names that there are."""
    known = ", ".join(map(repr, names[:3]))
    return f"--only: no {kind} matches {glob!r}; there are {len(names)}, such as {known}; name one, or a glob of them"
