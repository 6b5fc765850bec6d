"""Results in object storage: a folder of this machine stands for an address, and holds what is there.

Whole files go up once they are written, none is appended to, and no two writers have one name, since a run's file is called after the
run. What is there is listed once a command, and only what is new or changed is fetched. Credentials are what pyarrow's file systems find
by themselves (for S3 the environment, ~/.aws, the machine's role); none is taken in an address or stored.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..core import caches
from ..core.errors import RequestError, StoreError

MARK, INDEX = ".address", ".fetched.json"
OURS = (".parquet", ".json", ".toml")
"""Endings of what is fetched; other things may lie beside it."""
SCHEMES = ("s3", "gs", "abfs", "hdfs")
COLLAPSED = re.compile(rf"^({'|'.join(SCHEMES)}):/(?!/)")
CONNECTIONS = 16
MEND = "see that the address, the credentials and the network are right (for S3: AWS_ACCESS_KEY_ID, AWS_PROFILE, AWS_ENDPOINT_URL)"


def is_address(text: str | Path) -> bool:
    """Whether a text is an address of object storage, and no path; a Path has lost one of its slashes."""
    return "://" in str(text) or bool(COLLAPSED.match(str(text)))


def place(text: str | Path) -> Path:
    """The folder that stands for an address, with what is there now; a path as it is. Raises RequestError, StoreError."""
    if not is_address(text):
        return Path(text)
    address = COLLAPSED.sub(r"\1://", str(text))
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise RequestError(
            f"found {address!r}, expected a folder, or an address such as s3://bucket/prefix ({', '.join(SCHEMES)})"
        )
    if "@" in parts.netloc or "key=" in parts.query.lower():
        raise RequestError(
            f"{parts.scheme}://...: credentials in an address would be stored; leave them to the environment "
            "(AWS_ACCESS_KEY_ID, AWS_PROFILE)"
        )
    name = Path(parts.path).name or parts.netloc
    folder = caches.folder() / "addresses" / hashlib.sha256(address.rstrip("/").encode()).hexdigest()[:16] / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(address, encoding="utf-8")
    refresh(folder)
    return folder


def told(path: Path) -> str:
    """A path as people know it: by its address where it stands for one."""
    root = _root(path)
    if root is None:
        return str(path)
    base, _, query = _address(root).partition("?")
    inner = path.absolute().relative_to(root).as_posix()
    return "".join((base.rstrip("/"), "" if inner == "." else f"/{inner}", f"?{query}" if query else ""))


def refresh(path: Path) -> None:
    """Brings a folder that stands for an address, or lies in one, up to what is there; what was written here and is not there yet goes
    up. Nothing for other folders. Raises StoreError."""
    root = _root(path)
    if root is None:
        return
    index = _read_index(root)
    send_rest(root)
    with _speaking(root) as (system, top):
        from pyarrow import fs

        infos = system.get_file_info(fs.FileSelector(top, recursive=True, allow_not_found=True))
        there = {
            info.path.removeprefix(top).lstrip("/"): [info.size, info.mtime_ns]
            for info in infos
            if info.is_file and info.path.endswith(OURS)
        }
        wanted = [
            name for name, stamp in there.items() if index.get(name, [])[:2] != stamp or not (root / name).exists()
        ]
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(lambda name: _fetch(system, f"{top}/{name}", root / name), wanted))
    for name in set(index) - set(there):
        (root / name).unlink(missing_ok=True)
    _write_index(root, {name: [*stamp, (root / name).stat().st_mtime_ns] for name, stamp in there.items()})


def publish(path: Path) -> None:
    """Sends a file that was written, where its folder stands for an address. One that cannot be sent stays here, and goes with
    `send_rest`."""
    root = _root(path)
    if root is not None:
        with contextlib.suppress(StoreError):
            _send(root, path)


def withdraw(path: Path) -> None:
    """Deletes a file, at the address too where its folder stands for one. Raises StoreError."""
    root = _root(path)
    path.unlink(missing_ok=True)
    if root is None:
        return
    with _speaking(root) as (system, top):
        system.delete_file(f"{top}/{path.absolute().relative_to(root).as_posix()}")


def send_rest(path: Path) -> None:
    """Sends all that was written here and is not at the address. Raises StoreError that says where it is kept."""
    root = _root(path)
    if root is None:
        return
    index = _read_index(root)
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root).as_posix()
        if file.name.startswith(".") or file.suffix not in OURS or not file.is_file():
            continue
        if name not in index or index[name][2] != file.stat().st_mtime_ns:
            _send(root, file)


def _send(root: Path, file: Path) -> None:
    name = file.absolute().relative_to(root).as_posix()
    stamp_ns, content = file.stat().st_mtime_ns, file.read_bytes()
    with _speaking(root, f"; {file} keeps it, and the next command with this --results sends it") as (system, top):
        with system.open_output_stream(f"{top}/{name}") as stream:
            stream.write(content)
        info = system.get_file_info(f"{top}/{name}")
    index = _read_index(root)
    _write_index(root, index | {name: [info.size, info.mtime_ns, stamp_ns]})


def _fetch(system: Any, source: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with system.open_input_stream(source) as stream, aside.open("wb") as file:
            shutil.copyfileobj(stream, file)
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def _speaking(root: Path, kept: str = "") -> Any:
    """(File system, the address's folder in it). What goes wrong becomes StoreError."""
    address = _address(root)
    try:
        yield _system(address)
    except OSError as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(f"{address.partition('?')[0]}: {first}{kept}; {MEND}") from error


@cache
def _system(address: str) -> tuple[Any, str]:
    from pyarrow import ArrowException, fs

    try:
        system, top = fs.FileSystem.from_uri(address.rstrip("/"))
    except ArrowException as error:
        raise OSError(str(error)) from error
    return system, top.rstrip("/")


def _root(path: Path) -> Path | None:
    """The folder above a path, or itself, that stands for an address."""
    whole = path.absolute()
    return next((folder for folder in (whole, *whole.parents) if (folder / MARK).is_file()), None)


def _address(root: Path) -> str:
    return (root / MARK).read_text(encoding="utf-8")


def _read_index(root: Path) -> dict[str, list[int]]:
    try:
        return json.loads((root / INDEX).read_text())
    except (OSError, ValueError):
        return {}


def _write_index(root: Path, index: dict[str, list[int]]) -> None:
    aside = root / f"{INDEX}.{os.getpid()}"
    aside.write_text(json.dumps(index))
    aside.replace(root / INDEX)
