"""Many files of results made one."""

from pathlib import Path

from .. import store
from ..core import folders
from ..store.compaction import Compacted


def compact(results: Path, min_age_s: float) -> list[Compacted]:
    """Compacts a folder's files that have not been written for `min_age_s` seconds, suite by suite. Raises StoreError."""
    folders.refuse_unwritable(results, "give another --results")
    return store.compact(results, min_age_s)
