#!/usr/bin/env python3
"""Draws every committed figure, and writes every committed table, anew from the rows in results/reference; and the commands' reference.

.venv/bin/python .ci/redraw.py [FOLDER]: in place, or into a folder as the repository has them. tests/test_redraw.py compares the two.
"""

import contextlib
import math
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import typer.main
from rich.console import Console
from typer.cli import get_docs_for_click
from typer.testing import CliRunner

from lambdabench import commands
from lambdabench.analysis import best_runtimes, pareto
from lambdabench.analysis.claim_page import paper_words, ratio_words
from lambdabench.cli.app import app
from lambdabench.cli.case_table import case_table
from lambdabench.cli.terminal import PLAIN_WIDTH

ROOT = Path(__file__).parents[1]
ROWS, PAGES, CLAIMS = Path("results/reference"), Path("reports/reference"), Path("reports/claims")
FIGURES = {
    PAGES / "xeon-2-cores" / "pareto": f"plot pareto --results {ROWS}/xeon-2-cores --suite quickstart",
    PAGES / "epyc-2-cores" / "pareto": f"plot pareto --results {ROWS}/epyc-2-cores --suite quickstart",
    PAGES / "xeon-2-cores" / "digits" / "pareto": f"plot pareto --results {ROWS}/xeon-2-cores/digits",
    PAGES / "xeon-2-cores" / "roofline": f"plot roofline --results {ROWS}/xeon-2-cores/kernels",
    PAGES / "epyc-2-cores" / "roofline": f"plot roofline --results {ROWS}/epyc-2-cores/kernels",
    PAGES
    / "epyc-2-cores"
    / "runtimes"
    / "pareto": f"plot pareto --results {ROWS}/runtimes/epyc-2-cores --suite runtimes",
}
"""Each figure's path without its ending: the command that draws it, but for --out."""
MARK = "<!-- from rows: {} -->"
"""A page's line before a table that is written here; the table ends with the line of `END`."""
END = "<!-- end of rows -->"


def main(folder: Path) -> None:
    """Draws all figures and writes all pages below `folder`, those that hold a table from rows as they are otherwise."""
    for place, command in FIGURES.items():
        result = CliRunner().invoke(app, [*shlex.split(_here(command)), "--out", str(folder / place.parent)])
        if result.exit_code:
            raise SystemExit(f"{command}: {result.output}{result.exception}")
    for page, tables in TABLES.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        for name, make in tables.items():
            text = _replaced(text, name, make(folder))
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text, encoding="utf-8")
    _draw_claims(folder / CLAIMS)
    for page, make in WHOLE.items():
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(make(), encoding="utf-8")


def _draw_claims(folder: Path) -> None:
    """The page of the claims with its figures: of the curves the vectors alone are kept."""
    with contextlib.chdir(ROOT):  # the page names the rows' folder as a reader has it
        rows, few = ROWS / "claims" / "epyc-2-cores", (folder / "told").absolute()
        paths = [
            *commands.plot_claims(rows, out=folder.absolute()),
            *commands.plot_claims(rows, ids=tuple(TOLD), out=few),
        ]
    for path in paths:
        is_whole = path.parent == folder.absolute() and path.suffix not in (".png", ".csv")
        if not is_whole and path.stem != "summary":
            path.unlink()


def _here(command: str) -> str:
    """A command with its rows' folder as seen from anywhere."""
    return command.replace(f"--results {ROWS}", f"--results {shlex.quote(str(ROOT / ROWS))}")


def _replaced(text: str, name: str, table: str) -> str:
    head, mark, rest = text.partition(MARK.format(name) + "\n")
    _, end, tail = rest.partition(END)
    if not (mark and end):
        raise SystemExit(f"no lines {MARK.format(name)} and {END}")
    return head + mark + table + end + tail


def _closing_table(folder: Path) -> str:
    """What `run --suite quickstart` printed in the end, of the rows that it left."""
    rows = commands.read_frame(ROOT / ROWS / "epyc-2-cores")
    cases = commands.wide_frame(rows[rows["suite"] == "quickstart"])
    points = pareto.pareto(cases)
    cases = cases.assign(**{name: points[name].reindex(cases.index) for name in ("on_front", "membership")})
    console = Console(width=PLAIN_WIDTH, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(case_table(cases, PLAIN_WIDTH))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    return "\n".join(["```", *lines, "```", "", ""])


def _shares(machine: str) -> Callable[[Path], str]:
    """The table of a roofline's shares of the ceilings."""

    def make(folder: Path) -> str:
        numbers = pd.read_csv(folder / PAGES / machine / "roofline.csv")
        lines = [
            f"Ceilings: {_ceilings(numbers)}.",
            "",
            "| implementation | mode | batch | shapes | share of the ceiling, geometric mean (smallest to largest) |",
            "|---|---|---|---|---|",
        ]
        for (mode, series), same in numbers.groupby(["mode", "series"]):
            batches = sorted(set(same["batch_size"]))
            lines.append(_share(f"{series} | {mode}", batches, same))
            if len(batches) > 1:
                lines += [_share(f"{series} | {mode}", [batch], same[same["batch_size"] == batch]) for batch in batches]
        return "\n".join([*lines, "", ""])

    return make


def _ceilings(numbers: pd.DataFrame) -> str:
    """A product's and a copy's rates, of each environment where there are several."""
    result = numbers.drop_duplicates("fingerprint").sort_values("product [FLOP/s]")
    text = [
        f"product {row['product [FLOP/s]'] / 1e9:.3g} GFLOP/s, copy {row['copy [B/s]'] / 1e9:.3g} GB/s"
        + (f" (env {row['fingerprint'][:6]})" if len(result) > 1 else "")
        for _, row in result.iterrows()
    ]
    return "; ".join(text)


def _share(what: str, batches: list[int], same: pd.DataFrame) -> str:
    shares = 100 * same["share of the ceiling"]
    mean = math.exp(np.log(shares).mean())
    text = f"{mean:.0f} % ({shares.min():.0f} to {shares.max():.0f} %)"
    return f"| {what} | {', '.join(map(str, batches))} | {len(same)} | {text} |"


TOLD = {
    "speedup-small": "a training step, beside EfficientNet-B1 to B4 at their accuracies",
    "speedup-b6": "a training step, beside EfficientNet-B6 at its accuracy",
    "speedup-b7": "a training step, beside EfficientNet-B7 at its accuracy",
    "pseudo-b7-inference": "inference, beside EfficientNet-B7 of equal accuracy with extra data",
    "layer-axial": "ResNet-50 with lambda layers, beside axial attention",
    "place-cost": "ResNet-50 without lambda layers, beside one with them in c4 and c5",
}
"""Claims that the front page tells, in short."""
VERDICTS = ("contradicted", "replicated", "partly", "not_replicated")
"""Rules that it says."""


def _claims(_folder: Path) -> str:
    """A few claims: the paper's ratio, and those here of its own layer and of our kernels, by both recipes of EfficientNets."""
    with contextlib.chdir(ROOT):
        result = commands.judge_claims(ROWS / "claims" / "epyc-2-cores")
    judged = [item for item in result.judged if item.claim.id in TOLD]
    sides = (("paper's", "the paper's"), ("ours", "the paper's"), ("ours", "today's"))
    lines = [
        "| times as fast | the paper | here, its own listing | here, our kernels | the same beside today's best recipes |",
        "|---|---|---|---|---|",
    ]
    for item in sorted(judged, key=lambda item: list(TOLD).index(item.claim.id)):
        by_side = {
            (row.kernel, row.recipe or "the paper's"): f"{ratio_words(row.headline)} {row.finding}" for row in item.rows
        }
        ratios = [by_side.get(side, "") for side in sides]
        lines.append(f"| {TOLD[item.claim.id]} | {paper_words(item)} | {' | '.join(ratios)} |")
    rules = [
        f"{name.replace('_', ' ')} where `{rule}`" for name, rule in result.known.rules.items() if name in VERDICTS
    ]
    return "\n".join(
        [
            *lines,
            "",
            f"The whole: {result.conclusions[0]}.",
            f"Of an interval [low, high]: {', else '.join(rules)}.",
            "",
            "",
        ]
    )


def _runtimes(_folder: Path) -> str:
    """Each network in each runtime, and its quickest one beside the next and beside eager torch."""
    cases = commands.wide_frame(commands.read_frame(ROOT / ROWS / "runtimes" / "epyc-2-cores"))
    names = list(dict.fromkeys(cases.sort_values("latency")["backend"]))
    lines = [f"| ms, batch 1 | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for model, same in cases.groupby("model"):
        by_name = same.set_index("backend")
        lines.append(f"| {model} | {' | '.join(_milliseconds(by_name.loc[name]) for name in names)} |")
    lines += ["", f"| {' | '.join(best_runtimes.TITLES)} |", f"|{'---|' * len(best_runtimes.TITLES)}"]
    lines += [f"| {' | '.join(best_runtimes.texts(item))} |" for item in best_runtimes.best_runtimes(cases)]
    worst = cases["difference"].max()
    lines += ["", f"Largest difference of an answer from eager float32's: {worst:.1e} of its largest output.", "", ""]
    return "\n".join(lines)


RACED = {"the race": "20261130T021727Z-9d86", "every network in every round": "20261130T022458Z-879d"}
"""Runs of the raced networks, below results/reference/race/epyc-2-cores."""


def _race(_folder: Path) -> str:
    """The race beside every candidate in every round: what each took, and both fronts by latency."""
    runs = {name: _raced(run) for name, run in RACED.items()}
    race, every = (cases for cases, _ in runs.values())
    lines = ["| | networks measured | visits | minutes | networks on its front |", "|---|---|---|---|---|"]
    for name, (cases, minutes) in runs.items():
        lines.append(
            f"| {name} | {len(cases)} | {int(cases['latency_visits'].sum())} | {minutes:.1f} | {len(_front(cases))} |"
        )
    lines += [
        "",
        "| front of every round | top-1, % (quoted) | ms, every round | ms, race | in the race |",
        "|---|---|---|---|---|",
    ]
    raced = _front(race)
    for name in _front(every):
        place = "on the front" if name in raced else "measured" if name in race.index else "not measured"
        by_race = _milliseconds(race.loc[name]) if name in race.index else "–"
        lines.append(
            f"| {name} | {every.loc[name, 'top1']:.1f} | {_milliseconds(every.loc[name])} | {by_race} | {place} |"
        )
    losses = [_loss(name, raced, every) for name in _front(every)]
    lines += [
        "",
        f"By taking what the race names at the accuracy of each, {np.mean(losses):.1%} of speed are lost on average and {max(losses):.1%}",
    ]
    lines += ["at worst, in the times of every round, whose intervals are wider than that.", "", ""]
    return "\n".join(lines)


def _raced(run: str) -> tuple[pd.DataFrame, float]:
    """A run's networks with their numbers, and the minutes from its first visit to its last."""
    rows = commands.read_frame(ROOT / ROWS / "race" / "epyc-2-cores" / f"{run}.parquet")
    cases = commands.wide_frame(rows)
    cases = cases[cases["latency"].notna()].sort_values("top1", ascending=False)
    began = np.concatenate([np.asarray(times) for times in rows["visit_started_s"].dropna()])
    names = cases["model"] + " at " + cases["image_px"].astype(int).astype(str) + " px"
    return cases.set_index(names).loc[lambda frame: ~frame.index.duplicated()], (began.max() - began.min()) / 60


def _front(cases: pd.DataFrame) -> list[str]:
    """Networks than which none that is as accurate is faster, the most accurate first."""
    ranked = cases.sort_values(["top1", "latency"], ascending=[False, True])
    return list(ranked.index[ranked["latency"] < ranked["latency"].cummin().shift(fill_value=math.inf)])


def _loss(name: str, chosen: list[str], cases: pd.DataFrame) -> float:
    """The share of speed lost by the fastest chosen one of at least a network's accuracy."""
    able = cases.loc[chosen]
    fastest = able.loc[able["top1"] >= cases.loc[name, "top1"], "latency"].min()
    return max(0.0, 1 - cases.loc[name, "latency"] / fastest)


def _milliseconds(case: pd.Series) -> str:
    return "{:.1f} [{:.1f}, {:.1f}]".format(
        *(1e3 * case[column] for column in ("latency", "latency_low", "latency_high"))
    )


TABLES: dict[Path, dict[str, Callable[[Path], str]]] = {
    Path("README.md"): {"claims": _claims, "quickstart": _closing_table},
    PAGES / "xeon-2-cores" / "lambda-layer-cpu.md": {"roofline": _shares("xeon-2-cores")},
    PAGES / "epyc-2-cores" / "lambda-layer-cpu.md": {"roofline": _shares("epyc-2-cores")},
    PAGES / "epyc-2-cores" / "runtimes.md": {"runtimes": _runtimes},
    Path("reports/race/measured.md"): {"race": _race},
}
"""Each page: its tables from rows. Other tables of a page are of turns in one process, which leave no rows."""


def _reference() -> str:
    """Every command with its options, of the program itself."""
    command = typer.main.get_command(app)
    with command.make_context(ROOT_COMMAND, [], resilient_parsing=True) as context:
        text = get_docs_for_click(obj=command, ctx=context, name=ROOT_COMMAND)
    text = re.sub(r"(?m)^\* `--(install|show)-completion`.*\n", "", text)  # depends on how the program was started
    return re.sub(r"(?m)[ \t]+$", "", re.sub(r"\n{3,}", "\n\n", text))


ROOT_COMMAND = "lambdabench"
WHOLE: dict[Path, Callable[[], str]] = {Path("lambdabench/cli/README.md"): _reference}
"""Pages that are written as a whole."""

if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)
