"""`python -m lambdabench.analysis.race_proof TABLES...`: races over published tables, as reports/race/index.md.

TABLES are timm's benchmark tables and one of its accuracies (results-imagenet.csv). Each device is raced on with priors from the others;
every replay is appended to rows.jsonl as it ends. Without noise nothing is random; with noise runs are seeded by their number.
"""

import argparse
import csv
import dataclasses
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import FactError
from ..core.registry import ROOT
from ..facts import priors
from ..facts.priors import Source, Speeds
from .race import ABREAST
from .race_replay import Course, Replay, course, replay

FOLDER = Path("reports/race")
SEEDS = 8
NOISES = (0.01, 0.03, 0.05, 0.10)
REPEATED = (0.015, 0.03)
"""Noises at which the second stage is replayed."""
FRONT_SHARE, REGRET = 0.95, 0.005
MOST_MEASURED = {True: 0.12, False: 0.40}
"""What is asked of a race without noise, by whether a source is of the device's kind."""
HEAD = (
    "# Finding the front by measuring few networks",
    "",
    "Races (`lambdabench/analysis/race.py`) replayed on timm's published tables, of whose truth all is known: a device is raced on with",
    "priors from other tables alone; accuracies are the best published at that size. Written by",
    "`python -m lambdabench.analysis.race_proof`; a row a replay in rows.jsonl. The tables are relatives and no independent machines.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A replay and what it was of."""

    sources: tuple[str, ...]
    device: str
    same_kind: bool
    """Whether one of the sources is of the device's kind."""
    noise: float
    seed: int
    abreast: int
    repeats: bool
    result: Replay


def main(arguments: Sequence[str]) -> int:
    """Replays everything and writes the page; 1 where it misses what is asked."""
    parser = argparse.ArgumentParser(prog=f"python -m {ROOT}.analysis.race_proof", description=__doc__)
    parser.add_argument("tables", nargs="+", type=Path)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="runs of each noise; 0: none with noise")
    asked = parser.parse_args(arguments)
    speeds, top1 = load(asked.tables)
    asked.folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with (asked.folder / "rows.jsonl").open("w", encoding="utf-8") as file:
        for row in (*quiet(speeds, top1), *noisy(speeds, top1, asked.seeds)):
            rows.append(row)
            file.write(json.dumps(dataclasses.asdict(row)) + "\n")
            file.flush()
    (asked.folder / "index.md").write_text(page(rows, speeds), encoding="utf-8")
    return 0 if all(map(keeps, (row for row in rows if not row.noise))) else 1


def load(paths: Sequence[Path]) -> tuple[Speeds, dict[tuple[str, int], float]]:
    """The speeds of benchmark tables, and the best top-1 of each architecture and size in a table of accuracies. Raises FactError."""
    accurate = [path for path in paths if "top1" in path.read_text(encoding="utf-8").partition("\n")[0].split(",")]
    if len(accurate) != 1 or len(paths) < 3:
        names = ", ".join(map(str, accurate)) or "none"
        raise FactError(
            f"found {len(paths)} tables with accuracies in {names}, expected one such and two benchmark tables at least; "
            "give timm's results-imagenet.csv and its benchmark-infer-*.csv"
        )
    tables = {priors.name_of(path): path for path in paths if path not in accurate}
    sources = tuple(Source(name=name, kind=priors.kind_of(name), url="", commit="", sha256="") for name in tables)
    return Speeds(sources=sources, networks=tuple(priors.joined(tables))), _best(accurate[0])


def quiet(speeds: Speeds, top1: dict[tuple[str, int], float]) -> Iterator[Row]:
    """Every device from each other table, from those of its kind, and from all; one network at a time, and several abreast."""
    for device in speeds.sources:
        for sources in _choices(speeds, device):
            on = course(speeds, [source.name for source in sources], device.name, top1)
            for abreast in (1, ABREAST):
                yield _row(on, sources, device, abreast=abreast)


def noisy(speeds: Speeds, top1: dict[tuple[str, int], float], seeds: int) -> Iterator[Row]:
    """Every device from all other tables, at each noise, and with a second stage."""
    for device in speeds.sources if seeds else ():
        sources = [source for source in speeds.sources if source != device]
        on = course(speeds, [source.name for source in sources], device.name, top1)
        for seed in range(seeds):
            for noise in NOISES:
                yield _row(on, sources, device, noise=noise, seed=seed)
            for noise in REPEATED:
                yield _row(on, sources, device, noise=noise, seed=seed, repeats=True)


def keeps(row: Row) -> bool:
    """Whether a race without noise is what is asked of one."""
    result = row.result
    lost = sum(result.lost) / len(result.lost)
    return (
        result.found >= FRONT_SHARE * result.front and lost <= REGRET and result.share <= MOST_MEASURED[row.same_kind]
    )


def page(rows: Sequence[Row], speeds: Speeds) -> str:
    """The tables of all replays."""
    lines = [*HEAD, "", *(f"* {_short(source.name)}: {source.name}" for source in speeds.sources), ""]
    for abreast, title in ((1, "One network at a time"), (ABREAST, f"{ABREAST} networks at a time, as a run does")):
        quiet_rows = [row for row in rows if not row.noise and row.abreast == abreast]
        lines += [f"## {title}", "", *_quiet_table(quiet_rows), ""]
    if noisy_rows := [row for row in rows if row.noise]:
        lines += ["## How precise measurements must be", "", *_noisy_table(noisy_rows), ""]
    return "\n".join(lines)


def _quiet_table(rows: Sequence[Row]) -> Iterator[str]:
    """A line a replay, and how many keep what is asked."""
    yield "| priors from | device | networks | measured | front found | speed lost, mean | worst | said still to be found | kept |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in rows:
        result = row.result
        cells = (
            ", ".join(map(_short, row.sources)),
            _short(row.device),
            f"{result.networks:,}",
            f"{100 * result.share:.1f} %",
            f"{result.found}/{result.front}",
            f"{100 * sum(result.lost) / len(result.lost):.2f} %",
            f"{100 * max(result.lost):.1f} %",
            f"{result.expected:.1f}",
            "yes" if keeps(row) else "no",
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield (
        f"Kept where {100 * FRONT_SHARE:g} % of the front are measured, {100 * REGRET:g} % of speed are lost on average at most, and at "
        f"most {100 * MOST_MEASURED[True]:g} % of the networks are measured with a source of the same kind (GPU, CPU), "
        f"{100 * MOST_MEASURED[False]:g} % without. Speed lost: by taking, at the accuracy of a member of the true front, the fastest that "
        "was measured with at least that accuracy."
    )


def _noisy_table(rows: Sequence[Row]) -> Iterator[str]:
    """A line a device and noise, over its seeds."""
    yield "| device | noise (sd) | second stage | processes a network | front measured | named right | speed lost, mean | worst |"
    yield "|---|---|---|---|---|---|---|---|"
    for key in dict.fromkeys((row.device, row.repeats, row.noise) for row in rows):
        results = [row.result for row in rows if (row.device, row.repeats, row.noise) == key]
        lost = [share for result in results for share in result.lost]
        front = sum(result.front for result in results)
        cells = (
            _short(key[0]),
            f"{100 * key[2]:g} %",
            "yes" if key[1] else "no",
            f"{100 * _mean(result.cost for result in results):.1f} %",
            f"{100 * sum(result.found for result in results) / front:.1f} %",
            f"{100 * sum(result.named for result in results) / front:.1f} %",
            f"{100 * _mean(lost):.2f} %",
            f"{100 * max(lost):.1f} %",
        )
        yield f"| {' | '.join(cells)} |"


def _row(on: Course, sources: Iterable[Source], device: Source, **how: Any) -> Row:
    kinds, known = [source.kind for source in sources], {"noise": 0.0, "seed": 0, "abreast": 1, "repeats": False} | how
    result = replay(on, **known)
    names = tuple(source.name for source in sources)
    return Row(sources=names, device=device.name, same_kind=device.kind in kinds, result=result, **known)


def _choices(speeds: Speeds, device: Source) -> list[tuple[Source, ...]]:
    """Sources for a device: each other table, those of its kind, those of other kinds, and all."""
    others = tuple(source for source in speeds.sources if source != device)
    alike = tuple(source for source in others if source.kind == device.kind)
    unlike = tuple(source for source in others if source.kind != device.kind)
    return [chosen for chosen in dict.fromkeys([*((source,) for source in others), alike, unlike, others]) if chosen]


def _best(path: Path) -> dict[tuple[str, int], float]:
    best: dict[tuple[str, int], float] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = row["model"].partition(".")[0], int(row["img_size"])
            best[key] = max(best.get(key, 0.0), float(row["top1"]))
    return best


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)


def _short(name: str) -> str:
    """A table's device, with what tells it from its like: "rtx3090 nhwc"."""
    words = name.split("-")
    layout = " nhwc" if "nhwc" in words else ""
    device = [word for word in words if word != "dynamo"][-1]
    return f"{device}{layout}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
