"""Where a fleet is kept: below results/<suite>/, a folder with its description, and in it one for each share with rows and events.

    results/<suite>/fleet-<id>/fleet.json
    results/<suite>/fleet-<id>/<share>/<suite>.toml
    results/<suite>/fleet-<id>/<share>/attempts/<n>.task.json, .submitted.json, .began.json, .ended.json, .lost.json
    results/<suite>/fleet-<id>/<share>/<suite>/<run_id>.parquet

Every file has one writer and is written once, but for rows, which a run writes whole again. Readers of results find the rows where they
look for any suite's.
"""

import contextlib
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

try:
    import fcntl
except ImportError:  # Windows has none: fleets are looked after elsewhere
    fcntl = None

from .. import store
from ..core import caches, codec, folders, registry
from ..core.errors import RequestError, StoreError
from ..core.fleet import Attempt, Began, Ended, Fleet, Lost, Submitted, Task

PREFIX, DESCRIPTION, ATTEMPTS, LOCK = "fleet-", "fleet.json", "attempts", ".lock"
KINDS: dict[type[object], str] = {Task: "task", Submitted: "submitted", Began: "began", Ended: "ended", Lost: "lost"}
MEND = "free space, or give another --results"

T = TypeVar("T", Submitted, Began, Ended, Lost)


def home_of(results: Path, fleet: Fleet) -> Path:
    """The folder of a fleet."""
    return results / fleet.suite / f"{PREFIX}{fleet.fleet_id}"


def begin(results: Path, fleet: Fleet) -> Path:
    """Writes what a fleet is to do; its folder. Raises StoreError."""
    home = home_of(results, fleet)
    for share in fleet.shares:
        folder = home / share.name
        with folders.writing(folder / ATTEMPTS / "1", MEND):
            (folder / f"{fleet.suite}.toml").write_text(fleet.text, encoding="utf-8")
        store.publish(folder / f"{fleet.suite}.toml")
    with folders.writing(home / DESCRIPTION, MEND):
        codec.write(home / DESCRIPTION, fleet)
    store.publish(home / DESCRIPTION)
    return home


def find(results: Path, fleet_id: str = "") -> tuple[Path, Fleet]:
    """(Its folder, the fleet) of an id or the beginning of one; the newest where none is given. Raises UnknownNameError, StoreError."""
    homes = {path.parent.name.removeprefix(PREFIX): path.parent for path in results.glob(f"*/{PREFIX}*/{DESCRIPTION}")}
    like = sorted(name for name in homes if name.startswith(fleet_id))
    if not homes:
        raise StoreError(
            f"{store.told(results)} has no fleet; lambdabench fleet run --suite quickstart --on local begins one"
        )
    if not like or (fleet_id and len(like) > 1 and fleet_id not in like):
        raise registry.unknown("fleet", fleet_id, sorted(homes))
    home = homes[fleet_id if fleet_id in like else like[-1]]
    fleet = caches.read(Fleet, home / DESCRIPTION)
    if fleet is None:
        raise StoreError(f"{home / DESCRIPTION} is not as it was written; begin another fleet")
    return home, fleet


def describe(folder: Path, task: Task) -> None:
    """Keeps what an attempt is to do, once. Raises StoreError."""
    if not _path(folder, task.attempt, Task).exists():
        _write(folder, task.attempt, task)


@contextlib.contextmanager
def held(home: Path) -> Generator[None]:
    """Looks after a fleet alone, as far as its file system knows locks. Raises RequestError where another command does so."""
    with (home / LOCK).open("w") as file:
        try:
            assert fcntl is not None, "a fleet is looked after where processes can be measured"
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RequestError(f"another command looks after {home.name} already; end that, or let it go on") from error
        except OSError:  # a file system without locks
            pass
        yield


def write_event(folder: Path, number: int, event: Submitted | Began | Ended | Lost) -> None:
    """Keeps an event of an attempt at the share of a folder. Raises StoreError."""
    _write(folder, number, event)


def _write(folder: Path, number: int, event: object) -> None:
    path = _path(folder, number, type(event))
    with folders.writing(path, MEND):
        codec.write(path, event)
    store.publish(path)


def read_event(folder: Path, number: int, kind: type[T]) -> T | None:
    """An event of an attempt; None where it is not there."""
    path = _path(folder, number, kind)
    return caches.read(kind, path) if path.exists() else None


def read_task(folder: Path, number: int) -> Task:
    """What an attempt is to do. Raises StoreError."""
    path = _path(folder, number, Task)
    task = caches.read(Task, path)
    if task is None:
        raise StoreError(f"{path} is not there or not as it was written; is it on a file system that the nodes share?")
    return task


def attempts_in(folder: Path) -> tuple[Attempt, ...]:
    """All attempts at a share that were handed over, in order."""
    numbers = sorted(int(path.name.partition(".")[0]) for path in (folder / ATTEMPTS).glob("*.submitted.json"))
    known = ((number, read_event(folder, number, Submitted)) for number in numbers)
    return tuple(
        refreshed(folder, Attempt(number=number, submitted=submitted)) for number, submitted in known if submitted
    )


def refreshed(folder: Path, attempt: Attempt) -> Attempt:
    """An attempt with what has been written of it since."""
    return Attempt(
        number=attempt.number,
        submitted=attempt.submitted,
        began=attempt.began or read_event(folder, attempt.number, Began),
        ended=attempt.ended or read_event(folder, attempt.number, Ended),
        lost=attempt.lost or read_event(folder, attempt.number, Lost),
    )


def _path(folder: Path, number: int, kind: type[object]) -> Path:
    return folder / ATTEMPTS / f"{number}.{KINDS[kind]}.json"
