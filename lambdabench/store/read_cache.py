"""What was read of many files and checked, kept in this machine's cache folder: reading it again opens those files alone that are new.

One file a set of folders and columns: a stream of Arrow with the rows in the order of the files, and in its metadata what each file was
known by. It is optional as all of the cache folder is: what is damaged, or of another version, is as good as absent, and replaced.
"""

import contextlib
import functools
import hashlib
import json
import os
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..core import caches
from ..core.metric import metrics
from ..core.record import SCHEMA_VERSION
from ..core.units import SCALES
from . import checks
from .columns import schema
from .file_rows import Span, joined

FEWEST = 50
"""Files, of which a read is kept: fewer are opened as quickly."""
NEW_SHARE, NEEDED_SHARE = 0.05, 0.5
"""What is kept is written anew where more of the files are new, and where less of its rows are of files as they are now."""
RECENT_NS = 2_000_000_000
"""A file that was written so shortly before it was read may be written again with the same time: it is not known by it."""
MOST_BYTES = 2**30
"""Of all that is kept; what was used longest ago goes first."""
FOLDER = "rows"
UNUSED_S = 30 * 86_400.0
ABANDONED_S = 3600.0
"""Age of a file that is still written aside, beyond which its writer was killed."""
MARK, DIGITS, HEAD = b"lbrows01", 4, 64
"""What a kept file begins with: a mark, a CRC-32 of the rest; the rest begins where Arrow likes it."""
ENDING, ASIDE = ".arrow", ".aside"
KEY, FILES = b"lambdabench_read", b"lambdabench_files"
DAMAGED = (*caches.DAMAGED, pa.ArrowException)

Stamp = tuple[str, int, int, int, int]
"""What a file is known by: path, inode, size in bytes, nanoseconds of its last change and of that of its entry."""
Fresh = Callable[[Sequence[Path]], tuple[pa.Table, list[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """Rows, and where those of each file are."""

    table: pa.Table
    spans: dict[Stamp | None, Span] = field(default_factory=dict)


def through(files: Sequence[Path], asked: object, wanted: pa.Schema, fresh: Fresh) -> pa.Table:
    """The rows of files, as `fresh` has them: (rows, how many each file has) of those that are not known as they are. `asked`: what tells
    this read from others, beside its columns. Raises what `fresh` raises."""
    home = caches.home()
    if home is None:
        return fresh(files)[0]
    key = _key(asked, wanted)
    place = home / FOLDER / f"{key[:24]}{ENDING}"
    kept = _load(place, key, wanted)
    begun_ns, stamps = time.time_ns(), [_stamp(path) for path in files]
    new = [number for number, stamp in enumerate(stamps) if stamp is None or stamp not in kept.spans]
    if not new:
        table, rows = kept.table.slice(0, 0), []
    else:
        table, rows = fresh([files[number] for number in new])
    of_new = dict(zip(new, _spans(rows, table=1), strict=True))
    spans = [of_new[number] if number in of_new else kept.spans[stamp] for number, stamp in enumerate(stamps)]
    result = joined((kept.table, table), spans)
    known = [stamp if _is_settled(stamp, begun_ns) else None for stamp in stamps]
    for number in new:
        known[number] = known[number] if _stamp(files[number]) == stamps[number] else None
    gained = sum(known[number] is not None for number in new)
    if gained > NEW_SHARE * len(files) or result.num_rows < NEEDED_SHARE * kept.table.num_rows:
        _keep(place, key, result, list(zip(known, (span.rows for span in spans), strict=True)))
    return result


def _spans(rows: Sequence[int], table: int = 0) -> list[Span]:
    """Where the rows of files begin that lie one under the other."""
    starts = np.cumsum([0, *rows]).tolist()
    return [Span(table=table, start=start, rows=count) for start, count in zip(starts[:-1], rows, strict=True)]


def _stamp(path: Path) -> Stamp | None:
    """None where nothing is, or nobody may look: reading it tells why."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return os.path.abspath(path), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_settled(stamp: Stamp | None, begun_ns: int) -> bool:
    return stamp is not None and stamp[3] < begun_ns - RECENT_NS


def _key(asked: object, wanted: pa.Schema) -> str:
    return hashlib.sha256(f"{_version()}\0{asked!r}\0{wanted}".encode(errors="surrogateescape")).hexdigest()


@functools.cache
def _version() -> str:
    """All by which rows are read and checked: another version of it keeps files of its own."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    units = [(known.name, known.unit, known.values) for known in metrics()]  # other packages may add some
    known = (pa.__version__, SCHEMA_VERSION, checks.WORDS, checks.COUNTS, tuple(SCALES), units, schema().to_string())
    digest.update(repr(known).encode())
    return digest.hexdigest()


def _load(place: Path, key: str, wanted: pa.Schema) -> _Kept:
    """What is kept; nothing where that is damaged, or of another read or version."""
    try:
        with pa.OSFile(str(place)) as file:
            content = file.read_buffer()
        if bytes(content[: len(MARK)]) != MARK or bytes(content[len(MARK) : HEAD]) != _sum(content[HEAD:]):
            raise ValueError("its checksum is another one")
        table = pa.ipc.open_stream(content[HEAD:]).read_all()
        metadata = table.schema.metadata
        files: list[tuple[Any, int]] = [
            (tuple(stamp) if stamp else None, rows) for stamp, rows in json.loads(metadata[FILES])
        ]
        spans = _spans([rows for _, rows in files])
        if metadata[KEY] != key.encode() or table.column_names != wanted.names or not _covers(spans, table):
            raise ValueError("it is another one")
    except DAMAGED:
        return _Kept(table=wanted.empty_table())
    with contextlib.suppress(OSError):
        os.utime(place)  # it was used
    known = {stamp: span for (stamp, _), span in zip(files, spans, strict=True) if stamp is not None}
    return _Kept(table=table.replace_schema_metadata(None), spans=known)


def _covers(spans: Sequence[Span], table: pa.Table) -> bool:
    return sum(span.rows for span in spans) == table.num_rows


def _sum(content: Any) -> bytes:
    return zlib.crc32(memoryview(content)).to_bytes(DIGITS, "little").ljust(HEAD - len(MARK), b"\0")


def _keep(place: Path, key: str, table: pa.Table, files: Sequence[tuple[Stamp | None, int]]) -> None:
    """Writes aside, and renames: of several processes one comes last, and all wrote the same. Nothing where it cannot be kept."""
    metadata = {KEY: key.encode(), FILES: json.dumps(files).encode()}
    aside: Path | None = None
    try:
        place.parent.mkdir(exist_ok=True)
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(sink, table.schema.with_metadata(metadata), options=options) as writer:
            writer.write_table(table)
        content = sink.getvalue()
        if content.size > MOST_BYTES / 2:
            return
        with tempfile.NamedTemporaryFile(dir=place.parent, suffix=ASIDE, delete=False) as file:
            aside = Path(file.name)
            file.write(MARK + _sum(content))
            file.write(content)
        aside.replace(place)
        _prune(place.parent)
    except (OSError, pa.ArrowException):
        if aside is not None:
            aside.unlink(missing_ok=True)


def _prune(home: Path) -> None:
    """Removes what was used longest ago of too much, what nobody used for long, and what killed writers left."""
    now_s, left = time.time(), MOST_BYTES
    entries = [(entry.stat(), entry) for entry in os.scandir(home) if entry.name.endswith((ENDING, ASIDE))]
    for status, entry in sorted(entries, key=lambda item: -item[0].st_mtime):
        age_s = now_s - status.st_mtime
        left -= status.st_size
        if left < 0 or age_s > (ABANDONED_S if entry.name.endswith(ASIDE) else UNUSED_S):
            left += status.st_size
            with contextlib.suppress(OSError):
                os.unlink(entry.path)
