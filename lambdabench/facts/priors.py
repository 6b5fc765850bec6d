"""Published speeds of a few devices, and what networks count: what is known of a network's speed here before it is measured.

`python -m lambdabench.facts.priors TABLE@COMMIT ...` writes speeds.csv from timm's benchmark tables, each with the commit that it is of.
Speeds are natural logarithms with three decimals (0.1 %), since they are priors and no figures to quote.
"""

import argparse
import csv
import functools
import hashlib
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import FactError
from ..core.registry import ROOT

FILE = Path(__file__).parent / "speeds.csv"
URL = "https://github.com/huggingface/pytorch-image-models/blob/{commit}/results/{name}.csv"
COLUMNS = ("model", "infer_img_size", "infer_samples_per_sec", "param_count", "infer_gmacs", "infer_macts")
"""Of a benchmark table of timm's: name, pixels a side, image/s, million parameters, GMACs and million activations an image."""
COUNTS = ("architecture", "image_px", "parameters", "gmacs", "mactivations")
HEAD = re.compile(r"# (?P<name>\S+): (?P<url>\S+) commit (?P<commit>\w+) sha256 (?P<sha256>\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A published table of speeds. `kind`: "cpu" or "gpu"."""

    name: str
    kind: str
    url: str
    commit: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network at one image size: million parameters, GMACs and million activations an image, and the natural logarithm of image/s in
    each table. None for what no table says."""

    architecture: str
    image_px: int
    parameters: float | None
    gmacs: float | None
    mactivations: float | None
    log_speeds: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Published tables side by side: `log_speeds` of each network are in the order of `sources`."""

    sources: tuple[Source, ...]
    networks: tuple[Network, ...]


@functools.cache
def priors() -> Speeds:
    """What speeds.csv holds."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    sources = tuple(_source(head) for line in lines if (head := HEAD.match(line)))
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return Speeds(sources=sources, networks=tuple(_network(row, [source.name for source in sources]) for row in rows))


def read(path: Path) -> dict[tuple[str, int], tuple[float, float, float, float]]:
    """(image/s, million parameters, GMACs, million activations) by architecture and image size, of a benchmark table of timm's; a count
    that it leaves empty is NaN. Raises FactError for a file that is none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if lacking := [column for column in COLUMNS if column not in (rows.fieldnames or ())]:
                raise FactError(f"{path}: found no column {', '.join(lacking)}, expected a table of timm's benchmarks")
            return {(row["model"], int(row["infer_img_size"])): _numbers(row) for row in rows}
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise FactError(f"{path}: {error}; expected a table of timm's benchmarks") from error


def name_of(path: Path) -> str:
    """What a table is called: its file's name without what all have."""
    return path.stem.removeprefix("benchmark-infer-")


def kind_of(name: str) -> str:
    """ "cpu" or "gpu", by a table's name."""
    return "cpu" if "cpu" in name.split("-") else "gpu"


def joined(tables: Mapping[str, Path]) -> Iterator[Network]:
    """The networks of all tables by name, in alphabetical order."""
    known = [read(path) for path in tables.values()]
    for key in sorted({key for table in known for key in table}):
        counted = [table[key][1:] for table in known if key in table]
        counts = next((row for row in counted if not any(map(math.isnan, row))), counted[0])
        logs = tuple(round(math.log(table[key][0]), 3) if key in table else None for table in known)
        yield Network(
            architecture=key[0],
            image_px=key[1],
            parameters=_known(counts[0]),
            gmacs=_known(counts[1]),
            mactivations=_known(counts[2]),
            log_speeds=logs,
        )


def lines_of(tables: Sequence[tuple[Path, str]]) -> Iterator[str]:
    """The lines of speeds.csv, from tables with the commits that they are of."""
    paths = {name_of(path): path for path, _ in tables}
    yield f"# Written by `python -m {ROOT}.facts.priors`: ln(image/s) of each table; million parameters, GMACs, million activations."
    for (name, path), (_, commit) in zip(paths.items(), tables, strict=True):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        yield f"# {name}: {URL.format(commit=commit, name=path.stem)} commit {commit} sha256 {digest}"
    yield ",".join((*COUNTS, *paths))
    for network in joined(paths):
        counts = (
            "" if count is None else f"{count:g}" for count in (network.parameters, network.gmacs, network.mactivations)
        )
        logs = ("" if log is None else f"{log:.3f}" for log in network.log_speeds)
        yield ",".join((network.architecture, str(network.image_px), *counts, *logs))


def main(arguments: Sequence[str]) -> int:
    """Writes speeds.csv."""
    parser = argparse.ArgumentParser(prog=f"python -m {ROOT}.facts.priors", description=__doc__)
    parser.add_argument("tables", nargs="+", metavar="TABLE@COMMIT")
    parser.add_argument("--out", type=Path, default=FILE)
    asked = parser.parse_args(arguments)
    tables = [_with_commit(word) for word in asked.tables]
    Path(asked.out).write_text("".join(f"{line}\n" for line in lines_of(tables)), encoding="utf-8")
    return 0


def _with_commit(word: str) -> tuple[Path, str]:
    path, at, commit = word.rpartition("@")
    if not at or not re.fullmatch(r"[0-9a-f]{7,40}", commit):
        raise FactError(f"found {word!r}, expected TABLE@COMMIT, the commit of timm's repository that the table is of")
    return Path(path), commit


def _numbers(row: Mapping[str, str]) -> tuple[float, float, float, float]:
    speed, parameters, gmacs, mactivations = (float(row[name] or "nan") for name in COLUMNS[2:])
    return speed, parameters, gmacs, mactivations


def _known(count: float) -> float | None:
    return None if math.isnan(count) else count


def _number(text: str) -> float | None:
    return float(text) if text else None


def _source(head: re.Match[str]) -> Source:
    parts = head.groupdict()
    return Source(kind=kind_of(parts["name"]), **parts)


def _network(row: Mapping[str, str], names: Iterable[str]) -> Network:
    return Network(
        architecture=row["architecture"],
        image_px=int(row["image_px"]),
        parameters=_number(row["parameters"]),
        gmacs=_number(row["gmacs"]),
        mactivations=_number(row["mactivations"]),
        log_speeds=tuple(_number(row[name]) for name in names),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
