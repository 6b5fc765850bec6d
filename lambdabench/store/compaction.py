"""Many files of results made one, every row kept: listing and opening a thousand files takes longer than reading their rows.

A compacted file names in its footer what it was made of, so that readers pass over a file that is still there, or there again, and none is
counted twice whenever a compaction was broken off.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ..core.errors import StoreError
from . import remote
from .columns import schema
from .files import open_file, read_table, write_table
from .folders import files_of

PREFIX, KEY = "compact-", b"lambdabench_files"
FLEETS = "fleet-"
"""Beginning of the folders of fleets, which are compacted each by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """One folder, compacted."""

    file: Path
    files: int
    """That it was made of."""
    rows: int


def compact(results: Path, min_age_s: float, clock: Callable[[], float] = time.time) -> list[Compacted]:
    """Makes one file of all those of each suite's folder, and of each fleet's, that have not been written for so long; what one was made of
    is deleted once it stands. Folders with fewer than two such files stay as they are. Raises StoreError."""
    done: list[Compacted] = []
    for folder, files in _by_root(results).items():
        old = [path for path in files if clock() - path.stat().st_mtime >= min_age_s]
        if len(old) > 1:
            done.append(_compact(folder, old))
    return done


def without_compacted(files: Sequence[Path]) -> list[Path]:
    """Files but those whose rows are in a compacted one. Raises StoreError for one that was written again since."""
    passed: set[Path] = set()
    for path in files:
        if path.name.startswith(PREFIX):
            for name, size in _made_of(path).items():
                file = path.parent / name
                if file.is_file() and file.stat().st_size != size:
                    raise StoreError(
                        f"{remote.told(file)} was written again after it was compacted into {path.name}; move {path.name} out of the "
                        "results, or that file"
                    )
                passed.add(file)
    return [path for path in files if path not in passed] if passed else list(files)


def _by_root(results: Path) -> dict[Path, list[Path]]:
    """Files by the folder that they are compacted in: a suite's, a fleet's, or `results` itself for what lies in it."""
    groups: dict[Path, list[Path]] = {}
    for path in without_compacted([*files_of(results)]):
        groups.setdefault(_root_of(results, path), []).append(path)
    return dict(sorted(groups.items()))


def _root_of(results: Path, path: Path) -> Path:
    inner = path.relative_to(results).parts[:-1]
    fleet = next((place for place, name in enumerate(inner) if name.startswith(FLEETS)), None)
    return results.joinpath(*inner[: 1 if fleet is None else fleet + 1])


def _compact(folder: Path, files: Sequence[Path]) -> Compacted:
    made_of = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    for path in files:
        if path.name.startswith(PREFIX):  # what it was made of may be written again too
            made_of |= _made_of(path)
    table = _whole(files)
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:12]
    target = folder / f"{PREFIX}{digest}.parquet"
    write_table(table.replace_schema_metadata({KEY: json.dumps(made_of).encode()}), target)
    if read_table([target], ("run_id",)).num_rows != table.num_rows:
        raise StoreError(
            f"{remote.told(target)} does not hold what was written; nothing was deleted; "
            "compact again, and if it stays so, see to the disk"
        )
    remote.send_rest(target)
    for path in _unchanged(folder, files, made_of):
        remote.withdraw(path)
    return Compacted(file=target, files=len(files), rows=table.num_rows)


def _whole(files: Sequence[Path]) -> pa.Table:
    """All rows of files with the columns of this version, texts as texts."""
    table = read_table(files, schema().names)
    return pa.table([table[field.name].cast(field.type) for field in schema()], schema=schema())


def _unchanged(folder: Path, files: Sequence[Path], made_of: dict[str, int]) -> Iterator[Path]:
    """Files that are still as they were read."""
    for path in files:
        if path.stat().st_size == made_of[path.relative_to(folder).as_posix()]:
            yield path


def _made_of(path: Path) -> dict[str, int]:
    """The files that a compacted one was made of, with their sizes."""
    metadata = open_file(path, whole=False).schema_arrow.metadata or {}
    try:
        return {str(name): int(size) for name, size in json.loads(metadata.get(KEY, b"{}")).items()}
    except (ValueError, AttributeError) as error:
        raise StoreError(
            f"{path} is not as it was written: its footer does not say what it was made of; restore it"
        ) from error
