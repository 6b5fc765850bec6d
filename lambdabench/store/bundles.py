"""Bundles: results files as they are, with the rules they were judged by, what was judged, and the hash of each, in one .zip file."""

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ..core import folders
from ..core.errors import StoreError
from . import file_checksum
from .files import open_file

FORMAT = 1
MANIFEST, RULES, VERDICTS, ROWS = "manifest.json", "claims.toml", "verdicts.json", "rows"
LARGEST_BYTES = 2**30
"""Of all that a bundle holds, unpacked."""
DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in it, so that equal content makes equal bundles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a bundle holds. `facts`: of its manifest, beside the hashes; `rows`: results files by their name in it; `problems`: where
    hashes, or what it should hold, are not as its manifest says."""

    facts: Mapping[str, Any]
    rules: bytes
    verdicts: Mapping[str, Any]
    rows: Mapping[str, bytes]
    problems: tuple[str, ...] = ()


def files_with(files: Sequence[Path], models: Sequence[str]) -> list[Path]:
    """The results files that have a row of some models. Raises StoreError."""
    return [path for path in files if not set(models).isdisjoint(_models(path))]


def _models(path: Path) -> set[str]:
    return set(open_file(path).read(columns=["model"])["model"].unique().to_pylist())


def write_bundle(
    path: Path, *, facts: Mapping[str, Any], rules: bytes, verdicts: Mapping[str, Any], rows: Mapping[str, bytes]
) -> str:
    """Writes a bundle; returns its SHA-256. Equal content gives equal bytes. Raises StoreError."""
    contents = {RULES: rules, VERDICTS: _json(verdicts), **{f"{ROWS}/{name}": rows[name] for name in sorted(rows)}}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {**facts, "format": FORMAT, "sha256": hashes}
    aside = path.with_name(f".{path.name}.aside")
    with folders.writing(path, "free space, or give another --bundle"):
        try:
            with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in {MANIFEST: _json(manifest), **contents}.items():
                    archive.writestr(zipfile.ZipInfo(name, DATE), content, zipfile.ZIP_DEFLATED)
            digest = hashlib.sha256(aside.read_bytes()).hexdigest()
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
    return digest


def read_bundle(path: Path) -> Bundle:
    """What a bundle holds, with what of its hashes does not fit. Raises StoreError for what is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_BYTES:
                raise StoreError(
                    f"{path} unpacks to more than {LARGEST_BYTES / 2**30:g} GiB; it is no bundle of ours; give one that --bundle wrote"
                )
            contents = {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
        manifest = _object(contents.pop(MANIFEST))
        known = {RULES: contents[RULES], VERDICTS: contents[VERDICTS]}
        verdicts, hashes, form = _object(known[VERDICTS]), dict(manifest["sha256"]), int(manifest["format"])
    except (
        OSError,
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        KeyError,
        TypeError,
        ValueError,
        NotImplementedError,
    ) as error:
        raise StoreError(
            f"{path} is no bundle of lambdabench claims ({error}); give one that --bundle wrote"
        ) from error
    if form > FORMAT:
        raise StoreError(f"{path} was written by a newer lambdabench; upgrade this one to read it")
    return Bundle(
        facts={key: value for key, value in manifest.items() if key not in ("format", "sha256")},
        rules=known[RULES],
        verdicts=verdicts,
        rows={
            name.removeprefix(f"{ROWS}/"): content for name, content in contents.items() if name.startswith(f"{ROWS}/")
        },
        problems=tuple(_unlike(contents, hashes)),
    )


def unpack(bundle: Bundle, folder: Path) -> list[Path]:
    """Writes the results files of a bundle into a folder, under numbers for names."""
    paths: list[Path] = []
    for place, name in enumerate(sorted(bundle.rows)):
        paths.append(folder / f"{place:04}.parquet")
        paths[-1].write_bytes(bundle.rows[name])
    return paths


def replace_entry(path: Path, name: str, content: bytes) -> None:
    """Puts other content in the place of a bundle's file, with the manifest as it was: what proofs are made of."""
    with zipfile.ZipFile(path) as archive:
        contents = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for known, before in contents.items():
            archive.writestr(zipfile.ZipInfo(known, DATE), content if known == name else before, zipfile.ZIP_DEFLATED)


def changed_rows(content: bytes, change: Callable[[pd.DataFrame], pd.DataFrame]) -> bytes:
    """A results file whose rows somebody has changed, sealed as if nobody had: what proofs are made of."""
    table = pq.read_table(pa.BufferReader(content))
    made = pa.Table.from_pandas(change(table.to_pandas()), schema=table.schema, preserve_index=False)
    sink = pa.BufferOutputStream()
    pq.write_table(made, sink, compression="zstd", write_page_checksum=True)
    return file_checksum.sealed(sink.getvalue().to_pybytes())


def count_rows(path: Path) -> int:
    """Rows of a results file. Raises StoreError."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} is no readable Parquet file ({error}); restore it") from error


def _unlike(contents: Mapping[str, bytes], hashes: Mapping[str, str]) -> list[str]:
    result: list[str] = []
    for name in sorted({*contents, *hashes}):
        if name not in contents:
            result.append(f"hash: {name} is missing, which the manifest names")
        elif name not in hashes:
            result.append(f"hash: {name} is there, and the manifest does not name it")
        elif hashlib.sha256(contents[name]).hexdigest() != hashes[name]:
            result.append(f"hash: {name} is not as the manifest has it")
    return result


def _object(content: bytes) -> dict[str, Any]:
    value = json.loads(content)
    if not isinstance(value, dict):
        raise TypeError("found no object")
    return value


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode()
