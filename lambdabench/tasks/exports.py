"""A case's network as a file, for a process that loads no framework: exported by another process, or kept from an earlier time.

What is kept is known by all that it depends on: the network with its options and the shape of its input, format, precision, mode and
seed, the versions of what made it, and our source. A user's own network may read files that nobody can name, so that its file is
kept for the run alone.
"""

import contextlib
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

from ..core import caches, codec, foreign, image_folder, sources
from ..core.errors import ExportError, UnsupportedError
from ..core.exported import ANSWER, REQUEST, ExportAsked, Exported, ExportFacts, refuse
from ..core.registry import ROOT
from ..core.spec import Case
from ..core.worker_protocol import SCRATCH
from ..machine import host
from ..models.users import onnx as users_files

PACKAGE = Path(__file__).parents[1]
FOLDER = "exports"
MADE_BY = ("torch", "torchvision", "timm", "numpy")
"""Packages whose versions an export depends on, beside the exporter's own."""
QUANTISING = ("quantize", "calibration")
"""Options of a backend that say what file it runs."""
MOST_BYTES = 6 * 2**30
"""Of all files that are kept: those used longest ago go first."""
LAST_LINES = 2
SENTENCE = 200
"""Characters of an exporter's reason that a row repeats."""
INSTALL = 'pip install "lambdabench[torch]"'


def exported(case: Case, asked: Case, format_: str, seed: int) -> Exported:
    """The file of a case as its model sees it, without the backend's own options, which `asked` has still. Raises UnsupportedError with
    the exporter's reason, or with what to install, and ExportError where the exporting process ended without an answer."""
    request = request_of(case, asked, format_, seed)
    home = _home(case) / FOLDER
    folder = home / _key(request)
    with _alone(home, folder.name):
        facts = caches.read(ExportFacts, folder / ANSWER)
        if facts is None or not (folder / facts.file).exists():
            _refuse_absent(case, format_)
            facts = _made(request, folder)
        os.utime(folder)
        _prune(home, keep=folder)
    return Exported(folder=folder, facts=facts)


def answer(folder: Path) -> None:
    """What `python -m lambdabench.worker export FOLDER` does: reads request.json; writes the file, its arrays, and answer.json with what
    is known of it or why there is none. A user's .onnx file needs no framework."""
    asked = codec.read(ExportAsked, folder / REQUEST)
    try:
        facts = _described(asked, folder) if users_files.is_file(asked.case.model) else _exported(asked, folder)
    except UnsupportedError as error:
        facts = ExportFacts(problem="unsupported", reason=foreign.bounded(str(error)))
    except Exception as error:
        facts = ExportFacts(problem="crash", reason=f"{asked.case.model} before its export: {sentence(error)}")
    codec.write(folder / ANSWER, facts)


def sentence(error: BaseException) -> str:
    """An error in a line: of the first cause where a wrapper only says that something failed."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return foreign.bounded(f"{type(error).__name__}: {line}"[:SENTENCE])


def _exported(asked: ExportAsked, folder: Path) -> ExportFacts:
    from . import export  # with its framework, which a process that measures has not

    return export.of_case(asked, folder)


def _described(asked: ExportAsked, folder: Path) -> ExportFacts:
    if asked.quantize != "none":
        raise UnsupportedError(
            f"{asked.case.model} runs as it is; leave out quantize, or give a file that is quantised"
        )
    return users_files.described(asked.case, asked.seed, folder)


def request_of(case: Case, asked: Case, format_: str, seed: int) -> ExportAsked:
    """What the exporting process is asked for."""
    own = {key: str(value) for key, value in asked.options if key in QUANTISING}
    return ExportAsked(case=case, format=format_, seed=seed, **own)


def _made(asked: ExportAsked, folder: Path) -> ExportFacts:
    """Exports aside, and puts it in its place where it is a file. Raises what there is instead of one."""
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent, ignore_cleanup_errors=True) as name:
        aside = Path(name) / "made"
        aside.mkdir()
        codec.write(aside / REQUEST, asked)
        code = _run(aside)
        facts = caches.read(ExportFacts, aside / ANSWER)
        if facts is None:
            said = foreign.last_words(aside / "stderr.txt", LAST_LINES)
            raise ExportError(
                f"the process that exports {asked.case.model} ended with {code}: {said or 'no word'}; "
                "use --backend torch_eager, or mend what it says"
            )
        refuse(facts)
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    return facts


def _run(folder: Path) -> int:
    """The exit code of the process that exports. It holds the other end of a pipe, so it ends when this one does."""
    command = (sys.executable, "-m", f"{ROOT}.worker", "export", str(folder))
    with (folder / "stderr.txt").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            return process.wait()
        finally:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


def _refuse_absent(case: Case, format_: str) -> None:
    """Raises UnsupportedError, with the line that installs it, where what exports is not here."""
    exporter = importlib.import_module(f"{__package__}.exporters.{format_}")
    needed = dict.fromkeys(exporter.PACKAGES, exporter.INSTALL)
    needed |= {} if case.model.endswith(".onnx") else {"torch": INSTALL}
    for name, install in needed.items():
        if find_spec(name) is None:
            raise UnsupportedError(f"exporting {case.model} to {format_} needs {name}: {install}")


def _home(case: Case) -> Path:
    """The cache folder; of a user's own callable the folder of this run, or of this process where it has none."""
    if ":" not in case.model:
        return caches.folder()
    return Path(os.environ[SCRATCH]) if SCRATCH in os.environ else caches.private()


def _key(asked: ExportAsked) -> str:
    """What an export depends on: threads and devices are not among it."""
    case = asked.case
    exporter = importlib.import_module(f"{__package__}.exporters.{asked.format}")
    packages = (*MADE_BY, *exporter.PACKAGES, *(() if asked.quantize == "none" else exporter.QUANTISERS))
    versions = [f"{name} {host.package_version(name)}" for name in packages]
    names = ("model", "kind", "mode", "batch_size", "image_px", "dtype", "options")
    names += ("threads",) if getattr(exporter, "THREADED", False) else ()
    settings = [f"{name} {getattr(case, name)!r}" for name in names]
    images = (
        image_folder.find(Path(asked.calibration)).digest
        if Path(asked.calibration).is_dir() and asked.calibration
        else ""
    )
    own = [asked.format, str(asked.seed), asked.quantize, asked.calibration, images]
    place = [sources.source_hash(case.model), str(Path.cwd()), host.source_hash(PACKAGE)]
    return hashlib.sha256("\n".join((*own, *settings, *versions, *place)).encode()).hexdigest()[:16]


@contextlib.contextmanager
def _alone(home: Path, name: str) -> Generator[None]:
    """One process at a time makes a file: another waits, and takes what it made."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / f".{name}.lock").open("wb") as lock:
        with contextlib.suppress(ImportError, OSError):
            import fcntl  # no such module on Windows

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _prune(home: Path, keep: Path, most_bytes: int = MOST_BYTES) -> None:
    """Removes what was used longest ago, until the rest is small enough."""
    kept = sorted((path for path in home.iterdir() if path.is_dir() and path.name[0] != "."), key=_used_s, reverse=True)
    total = 0
    for path in kept:
        total += sum(part.stat().st_size for part in path.glob("*") if part.is_file())
        if total > most_bytes and path != keep:
            shutil.rmtree(path, ignore_errors=True)


def _used_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone meanwhile
        return 0.0
