"""Where something stands in a TOML file, for messages."""

import re
from collections.abc import Collection, Sequence


def line(text: str, where: Sequence[str | int], tables: Collection[str]) -> int:
    """The line of a key path in TOML text: the n-th table of an array, then its key; else the first line. `tables` are those that a file
    may have."""
    lines = text.splitlines()
    start = 0
    if len(where) > 1 and where[0] in tables:
        index = where[1] if where[0] == "grid" and isinstance(where[1], int) else 0
        heads = [n for n, line in enumerate(lines) if re.match(rf"\s*\[+\s*{where[0]}\s*\]+", line)]
        start = heads[index] if index < len(heads) else 0
    for key in reversed([name for name in where if isinstance(name, str)]):
        for number in range(start, len(lines)):
            if number > start and lines[number].lstrip().startswith("["):
                break
            if re.search(rf"(^|[\s{{,]){re.escape(key)}\s*=", lines[number]):
                return number + 1
    return start + 1
