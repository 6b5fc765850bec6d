"""What was read before is taken from the cache folder: the same rows in the same order and the same errors as without, whatever happens to
the files, to the cache, or beside it."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from lambdabench import store
from lambdabench.core.errors import StoreError
from lambdabench.core.record import Record
from lambdabench.store import files, read_cache

COUNT = 60
AGED_S = 1_700_000_000
"""When the files of these tests were written: long ago."""
COLUMNS = ("model", "metric", "value", "samples", "env_gpu", "env_torch")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own: that in it which is kept of reads."""
    monkeypatch.setenv("LAMBDABENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / read_cache.FOLDER


@pytest.fixture
def results(make_record: Callable[..., Record], tmp_path: Path, cache: Path) -> Path:
    """A folder of so many files that what is read of them is kept."""
    for number in range(COUNT):
        written(make_record, tmp_path / "results" / "s" / f"run{number:03d}.parquet", number)
    return tmp_path / "results"


def written(make_record: Callable[..., Record], path: Path, number: int, **changes: Any) -> Path:
    """A file of a run, as old as the others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    same = {"run_id": path.stem, "run_order": AGED_S * 1000 + 60_000 * (number // 2), **changes}
    records = [
        make_record(metric, 1 + number / 1000, **({"model": model} | same))
        for model in ("resnet50", f"resnet{number % 7}")
        for metric in ("latency", "peak_memory")
    ]
    store.write([*records, make_record(None, **({"status": "oom", "reason": "why"} | same))], path)
    return aged(path, number)


def aged(path: Path, number: int) -> Path:
    os.utime(path, (AGED_S + number, AGED_S + number))
    return path


@contextlib.contextmanager
def opened() -> Iterator[set[str]]:
    """The names of the files that are opened meanwhile."""
    names: set[str] = set()
    original = files._opened

    def watched(path: Path, *rest: Any) -> Any:
        names.add(path.name)
        return original(path, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_opened", watched)
        yield names


def uncached(path: Path, *arguments: Any, **settings: Any) -> pd.DataFrame:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_cache, "FEWEST", 10**9)
        return store.read(path, *arguments, **settings)


def opens(path: Path) -> set[str]:
    """The files that are opened to read a folder, whose rows are those that are read without a cache."""
    with opened() as names:
        rows = store.read(path, COLUMNS, coded=True)
    assert_frame_equal(rows, uncached(path, COLUMNS, coded=True))
    return names


def every(results: Path) -> set[str]:
    return {path.name for path in results.rglob("*.parquet")}


def grow(folder: Path, make_record: Callable[..., Record]) -> set[str]:
    return {written(make_record, folder / "run0305.parquet", 30, suite="more").name}


def shrink(folder: Path, _: Callable[..., Record]) -> set[str]:
    (folder / "run000.parquet").unlink()
    (folder / "run031.parquet").unlink()
    return set()


def twins(folder: Path) -> tuple[Path, bytes]:
    """A file, and the content of another one of its size."""
    sizes: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        other = sizes.setdefault(path.stat().st_size, path)
        if other != path:
            return path, other.read_bytes()
    raise AssertionError("no two files are of one size")


def replace(folder: Path, _: Callable[..., Record]) -> set[str]:
    """By another of the same size and time."""
    path, content = twins(folder)
    aside = path.with_suffix(".aside")
    aside.write_bytes(content)
    os.utime(aside, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    aside.replace(path)
    return {path.name}


def rewrite(folder: Path, _: Callable[..., Record]) -> set[str]:
    """In place, with as many bytes, and its time put back."""
    path, content = twins(folder)
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)
    return {path.name}


def reorder(folder: Path, make_record: Callable[..., Record]) -> set[str]:
    """With rows that are older than those of the files before it."""
    return {written(make_record, folder / "run017.parquet", 3, model="vgg11").name}


def restore(folder: Path, _: Callable[..., Record]) -> set[str]:
    """Its own content, as another file."""
    path = folder / "run040.parquet"
    shutil.copy2(path, folder / "aside")
    (folder / "aside").replace(path)
    return {path.name}


def nothing(_folder: Path, _: Callable[..., Record]) -> set[str]:
    return set()


@pytest.mark.parametrize("change", [nothing, grow, shrink, replace, rewrite, reorder, restore])
def test_files_that_changed_are_opened_and_no_others(
    change: Callable[..., set[str]], make_record: Callable[..., Record], results: Path
) -> None:
    assert opens(results) == every(results)
    assert opens(results) == set()
    changed = change(results / "s", make_record)
    assert opens(results) == changed
    assert opens(results) == changed, "so few are read each time, and nothing is written"


def test_all_that_can_be_read_is_the_same(results: Path, make_record: Callable[..., Record]) -> None:
    for turn in range(3):
        assert_frame_equal(store.read(results), uncached(results))
        assert_frame_equal(store.read(results, coded=True), uncached(results, coded=True))
        assert_frame_equal(store.read(results / "s", COLUMNS), uncached(results / "s", COLUMNS))
        assert store.runs(results)["rows"].tolist() == [5] * (COUNT + turn)
        written(make_record, results / "s" / f"new{turn}.parquet", turn)


def test_what_is_kept_grows_with_the_files(results: Path, make_record: Callable[..., Record]) -> None:
    opens(results)
    more = {written(make_record, results / "t" / f"run{number:03d}.parquet", number).name for number in range(200, 210)}
    assert opens(results) == more
    assert opens(results) == set()
    shutil.rmtree(results / "t")
    for number in range(COUNT - 10):
        (results / "s" / f"run{number:03d}.parquet").unlink()
    assert opens(results) == every(results), "so few are not looked up"


@pytest.mark.parametrize("coded", [True, False])
def test_errors_are_the_same(coded: bool, results: Path, make_record: Callable[..., Record]) -> None:
    columns = (*COLUMNS, "status")
    store.read(results, columns, coded=coded)
    path = results / "s" / "run020.parquet"
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[len(content) // 3] ^= 4
    path.write_bytes(damaged)
    refused(results, f"{path} is damaged", columns, coded)
    path.write_bytes(content)
    assert_frame_equal(store.read(results, columns, coded=coded), uncached(results, columns, coded=coded))
    bad = written(make_record, results / "s" / "run0205.parquet", 20, status="strange")
    refused(results, f"{bad} row 1: found status strange, expected", columns, coded)
    bad.write_text("nothing of ours")
    refused(results, f"{bad} is no readable Parquet file", columns, coded)


def refused(results: Path, said: str, columns: tuple[str, ...], coded: bool) -> None:
    texts: list[str] = []
    for read in (store.read, store.read, uncached):
        with pytest.raises(StoreError) as raised:
            read(results, columns, coded=coded)
        texts.append(str(raised.value))
    assert len(set(texts)) == 1
    assert texts[0].startswith(said)


def flip(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [flip, lambda content: content[:-7], lambda content: content[:11], lambda _: b"", lambda _: b"PAR1" * 99],
    ids=["a bit", "an end", "nearly all", "all", "another file"],
)
def test_a_damaged_cache_is_replaced(damage: Callable[[bytes], bytes], results: Path, cache: Path) -> None:
    opens(results)
    (kept,) = cache.iterdir()
    kept.write_bytes(damage(kept.read_bytes()))
    assert opens(results) == every(results)
    assert opens(results) == set()


def test_what_another_version_kept_is_none_of_ours(results: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opens(results)
    (kept,) = cache.iterdir()
    content = kept.read_bytes()
    monkeypatch.setattr(read_cache, "_version", lambda: "another")
    assert opens(results) == every(results)
    (other,) = set(cache.iterdir()) - {kept}
    other.write_bytes(content)
    assert opens(results) == every(results), "what it says of itself counts, and not its name"


def test_two_processes_read_at_once(results: Path, cache: Path) -> None:
    expected = digest(uncached(results, COLUMNS, coded=True))
    program = f"""
import hashlib, sys
from pathlib import Path
import pandas as pd
from lambdabench import store
sys.stdin.readline()
for _ in range(4):
    for path in Path({str(cache)!r}).glob("*"):
        path.unlink(missing_ok=True)
    rows = store.read({str(results)!r}, {COLUMNS!r}, coded=True)
    print(hashlib.sha256(rows.drop(columns="samples").to_csv().encode()).hexdigest())
"""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert out.split() == [expected] * 4
    assert [path.suffix for path in cache.iterdir()] == [read_cache.ENDING]
    assert opens(results) == set()


def digest(rows: pd.DataFrame) -> str:
    return hashlib.sha256(rows.drop(columns="samples").to_csv().encode()).hexdigest()


def test_few_files_and_new_ones_are_not_kept(results: Path, cache: Path, make_record: Callable[..., Record]) -> None:
    few = results / "few"
    for number in range(read_cache.FEWEST - 1):
        (few / "s").mkdir(parents=True, exist_ok=True)
        shutil.copy2(results / "s" / f"run{number:03d}.parquet", few / "s")
    store.read(few)
    assert not cache.exists()
    shutil.rmtree(few)
    for path in every_path(results):
        os.utime(path)  # now: they may be written again at once
    store.read(results)
    assert not cache.exists()


def every_path(results: Path) -> list[Path]:
    return sorted(results.rglob("*.parquet"))


def test_what_is_kept_stays_below_its_bound(results: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.read(results, COLUMNS)
    (first,) = cache.iterdir()
    size = first.stat().st_size
    left = cache / f"killed{read_cache.ASIDE}"
    left.write_bytes(b"x")
    for path in (first, left):
        os.utime(path, (AGED_S, AGED_S))
    monkeypatch.setattr(read_cache, "UNUSED_S", 1e12)
    monkeypatch.setattr(read_cache, "MOST_BYTES", 3 * size)
    store.read(results, ("model",))
    assert first.exists()
    assert not left.exists(), "its writer was killed"
    os.utime(first, (AGED_S, AGED_S))
    store.read(results, COLUMNS)
    assert first.stat().st_mtime > AGED_S, "it was used"
    total = sum(path.stat().st_size for path in cache.iterdir())
    monkeypatch.setattr(read_cache, "MOST_BYTES", total + 10)
    os.utime(first, (AGED_S, AGED_S))
    store.read(results, ("kind",))
    assert not first.exists(), "it was used longest ago"
    assert 0 < sum(path.stat().st_size for path in cache.iterdir()) <= read_cache.MOST_BYTES
    monkeypatch.setattr(read_cache, "MOST_BYTES", 100)
    assert opens(results) == every(results)
    assert opens(results) == every(results), "too large to be kept"


def test_a_cache_that_cannot_be_written_is_none(results: Path, cache: Path) -> None:
    cache.parent.mkdir(exist_ok=True)
    cache.write_text("a file where the folder should be")
    assert opens(results) == every(results)
    assert opens(results) == every(results)
