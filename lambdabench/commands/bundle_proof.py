"""`python -m lambdabench.commands.bundle_proof --results FOLDER [--each 20] [--honest 50] [--out FOLDER]`: is it found out?

Bundles of real rows are changed in a dozen ways as somebody would who wants another verdict: the file is sealed again, hashes and
verdicts are made anew, so that only what is wrong about the change itself can give it away. Honest ones hold random parts of the same
rows. Writes index.md: how many of each kind were named, and what they were named for.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .. import store, suite
from ..core import fields, folders
from ..core.registry import ROOT
from ..facts import claims as claim_facts
from ..store import bundles
from ..store.bundles import Bundle
from .bundle import SUITE, read_bundle, verdicts_of, write_bundle
from .claims import answers_in, judge_claims, result_of

TIMED = ("throughput", "latency")
NUMBERS, LISTS = ("value", "low", "high"), ("samples", "visit_values")
OTHERS = {field.name: field.choices for field in fields.RUNNING if field.choices}
"""What a case says in one of a few words, by the field."""
Change = Callable[[pd.DataFrame, random.Random], pd.DataFrame]
"""Rows of a file as somebody changes them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Bundles of one kind: how many were named, and what for, by the first word of each problem."""

    kind: str
    bundles: int
    named: int
    reasons: Mapping[str, int]


def main(arguments: Sequence[str]) -> int:
    """Makes the bundles, derives each again, writes the page. Exit code 1 where an honest one was named, or under 99 % of the others."""
    parser = argparse.ArgumentParser(prog=f"python -m {ROOT}.commands.bundle_proof", description=__doc__)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--each", type=int, default=20, help="bundles of each kind")
    parser.add_argument("--honest", type=int, default=50)
    parser.add_argument(
        "--claims", default="layer,place,hybrid", help="claims that are judged, as lambdabench claims takes them"
    )
    parser.add_argument("--out", type=Path, default=Path("reports/claims"))
    given = parser.parse_args(arguments)
    tallies = prove(given.results, each=given.each, honest=given.honest, asked=given.claims.split(","))
    path = given.out / "bundles.md"
    with folders.writing(path, "give another --out"):
        path.write_text(_page(tallies, given.results), encoding="utf-8")
    sys.stdout.write(f"saved {path}\n")
    return 0 if is_good(tallies) else 1


def is_good(tallies: Sequence[Tally]) -> bool:
    """Whether no honest bundle was named, and 99 % of the others were."""
    others = tallies[1:]
    return tallies[0].named == 0 and sum(item.named for item in others) >= 0.99 * sum(item.bundles for item in others)


def prove(results: Path, *, each: int, honest: int, asked: Sequence[str], seed: int = 0) -> tuple[Tally, ...]:
    """The tally of honest bundles, then of each kind of change. Raises what `judge_claims` and `write_bundle` raise."""
    drawn = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="lambdabench-proof-") as name:
        path = Path(name) / "bundle.zip"
        write_bundle(judge_claims(results, ids=asked), results, path)
        whole = bundles.read_bundle(path)
        tallies = [_tally("honest", path, honest, lambda: _write_part(whole, drawn, path, asked))]
        for kind, change in CHANGES.items():
            tallies.append(_tally(kind, path, each, partial(_write_forged, whole, change, drawn, path)))
        for kind, forge in FORGERIES.items():
            tallies.append(_tally(kind, path, each, partial(forge, whole, drawn, path)))
    return tuple(tallies)


def _tally(kind: str, path: Path, count: int, write: Callable[[], None]) -> Tally:
    """Writes bundles of a kind one after the other, and reads each as a reviewer does."""
    reasons: Counter[str] = Counter()
    named = 0
    for _ in range(count):
        write()
        problems = read_bundle(path).problems
        named += bool(problems)
        reasons.update({line.partition(":")[0] for line in problems})
    return Tally(kind=kind, bundles=count, named=named, reasons=reasons)


def _write_part(whole: Bundle, drawn: random.Random, path: Path, asked: Sequence[str]) -> None:
    """A bundle of a random part of the cases, as somebody makes it who measured no more."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-proof-") as name:
        for file, content in whole.rows.items():
            Path(name, file).write_bytes(bundles.changed_rows(content, lambda rows: _some_cases(rows, drawn)))
        write_bundle(judge_claims(Path(name), ids=asked), Path(name), path)


def _some_cases(rows: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    ids = sorted(rows["case_id"].unique())
    kept = drawn.sample(ids, max(1, round(len(ids) * drawn.uniform(0.5, 1.0))))
    return rows[rows["case_id"].isin([*kept, *_wanted(rows)])]


def _wanted(rows: pd.DataFrame) -> list[str]:
    """A case that stays, so that there is something to bundle."""
    return sorted(rows.loc[rows["model"].str.startswith("resnet50_"), "case_id"].unique())[:1]


def _write_forged(whole: Bundle, change: Change, drawn: random.Random, path: Path) -> None:
    """A bundle whose rows were changed, with counts, hashes and verdicts that fit the change."""
    name = drawn.choice(sorted(whole.rows))
    rows = {**whole.rows, name: bundles.changed_rows(whole.rows[name], lambda frame: change(frame, drawn))}
    forged = replace(whole, rows=rows)
    with tempfile.TemporaryDirectory(prefix="lambdabench-proof-") as folder:
        count = sum(map(bundles.count_rows, bundles.unpack(forged, Path(folder))))
    _write(replace(forged, facts={**whole.facts, "rows": count}, verdicts=_verdicts_of(forged)), path)


def _write(bundle: Bundle, path: Path) -> None:
    bundles.write_bundle(path, facts=bundle.facts, rules=bundle.rules, verdicts=bundle.verdicts, rows=bundle.rows)


def _verdicts_of(bundle: Bundle) -> Mapping[str, Any]:
    """What the forger's own rows give."""
    known = claim_facts.claims()
    with tempfile.TemporaryDirectory(prefix="lambdabench-proof-") as folder:
        newest = store.newest(store.read(bundles.unpack(bundle, Path(folder))))
    machine = str(bundle.facts["machine"])
    ids = tuple(map(str, bundle.facts["claims"]))
    return verdicts_of(result_of(known, newest, answers_in(newest), machine=machine, ids=ids))


def _pick(rows: pd.DataFrame, drawn: random.Random, metrics: Sequence[str] = TIMED) -> pd.Index:
    """The rows of one process of one case, of some metrics."""
    timed = rows[rows["metric"].isin(list(metrics)) & (rows["status"] == "ok")]
    keys = sorted(set(zip(timed["case_id"], timed["replicate"], timed["run_id"], strict=True)))
    case, replicate, run = drawn.choice(keys)
    return timed.index[(timed["case_id"] == case) & (timed["replicate"] == replicate) & (timed["run_id"] == run)]


def _of_case(
    rows: pd.DataFrame, drawn: random.Random, among: Callable[[pd.DataFrame], pd.Series] | None = None
) -> pd.Index:
    """All timed rows of one case that a network is of."""
    timed = rows[rows["metric"].isin(list(TIMED)) & (rows["status"] == "ok") & (rows["kind"] == "model")]
    mine = timed if among is None else timed[among(timed)]
    case = drawn.choice(sorted(mine["case_id"].unique()))
    return timed.index[timed["case_id"] == case]


def _faster(rows: pd.DataFrame, places: pd.Index, factor: float) -> pd.DataFrame:
    """The rows with all of their times divided by a factor, consistently."""
    for place in places:
        scale = factor if rows.at[place, "metric"] == "throughput" else 1 / factor
        _multiply(rows, place, (*NUMBERS, *LISTS), scale)
        _multiply(rows, place, ("visit_cold_s",), 1 / factor)
    return rows


def _multiply(rows: Any, place: Any, columns: Sequence[str], factor: float) -> None:
    """Numbers, and lists of them, of a row."""
    for column in columns:
        cell = rows.at[place, column]
        rows.at[place, column] = cell * factor if column in NUMBERS else list(np.asarray(cell, float) * factor)


def _value(rows: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    _multiply(rows, _pick(rows, drawn, ["throughput"])[0], NUMBERS, drawn.uniform(1.02, 3.0))
    return rows


def _interval(rows: Any, drawn: random.Random) -> pd.DataFrame:
    """Of a row that has one: half as wide."""
    timed = rows[rows["metric"].isin(list(TIMED)) & rows["low"].notna() & (rows["low"] < rows["value"])]
    place = drawn.choice(sorted(timed.index))
    for column in ("low", "high"):
        rows.at[place, column] = (rows.at[place, column] + rows.at[place, "value"]) / 2
    return rows


def _samples(rows: Any, drawn: random.Random) -> pd.DataFrame:
    """The slow half of the calls left out."""
    for place in _pick(rows, drawn, ["latency"]):
        samples = sorted(rows.at[place, "samples"])
        rows.at[place, "samples"] = samples[: max(1, len(samples) // 2)]
    return rows


def _one_metric(rows: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    return _faster(rows, _pick(rows, drawn, ["throughput"]), drawn.uniform(1.05, 2.0))


def _beyond(rows: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    return _faster(rows, _of_case(rows, drawn), drawn.uniform(30.0, 300.0))


def _no_time(rows: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    """Theirs made slower."""
    return _faster(rows, _of_case(rows, drawn), 1 / drawn.uniform(1.6, 4.0))


def _control(rows: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    """As if the machine had favoured one of two names of one architecture."""
    pair = suite.load(SUITE).control or ()
    return _faster(rows, _of_case(rows, drawn, lambda timed: timed["model"].isin(list(pair))), drawn.uniform(1.25, 1.6))


def _another_condition(rows: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    """A case that is passed off as that of another batch, kernel, dtype or layout."""
    mine = rows["case_id"] == rows.loc[_of_case(rows, drawn)[0], "case_id"]
    which = drawn.choice(["batch_size", "options", *OTHERS])
    if which == "batch_size":
        rows.loc[mine, which] = rows.loc[mine, which] * 2
    elif which == "options":
        rows.loc[mine, which] = json.dumps({"fold": True})
    else:
        before = rows.loc[mine, which].iloc[0]
        rows.loc[mine, which] = drawn.choice([word for word in OTHERS[which] if word != before])
    return rows


def _another_machine(rows: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    rows["env_cpu"] = drawn.choice(["AMD EPYC 9965", "Intel Xeon 6980P", "Apple M5"])
    return rows


def _twice(rows: pd.DataFrame, drawn: random.Random) -> pd.DataFrame:
    """A process that stands there again, so that more seem to agree."""
    return pd.concat([rows, rows.loc[_pick(rows, drawn)]], ignore_index=True)


CHANGES: Mapping[str, Change] = {
    "a value without its samples": _value,
    "an interval made narrower": _interval,
    "slow calls left out": _samples,
    "one of two metrics of the same calls": _one_metric,
    "faster than the machine computes": _beyond,
    "slower than there was time for": _no_time,
    "the control pair moved apart": _control,
    "a case passed off as another condition's": _another_condition,
    "rows passed off as another machine's": _another_machine,
    "a process that stands there twice": _twice,
}


def _bytes(whole: Bundle, drawn: random.Random, path: Path) -> None:
    """A byte of the rows, of which hashes know."""
    _write(whole, path)
    name = drawn.choice(sorted(whole.rows))
    content = bytearray(whole.rows[name])
    content[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
    bundles.replace_entry(path, f"{bundles.ROWS}/{name}", bytes(content))


def _rules(whole: Bundle, drawn: random.Random, path: Path) -> None:
    """Lower ratios to reach."""
    text = whole.rules.decode()
    line = drawn.choice(sorted({line for line in text.splitlines() if line.startswith("quoted ")}))
    made = text.replace(line, f"quoted  = {1.06 + 0.1 * drawn.random():.2f}").encode()
    digest = hashlib.sha256(made).hexdigest()
    _write(replace(whole, rules=made, facts={**whole.facts, "claims_sha256": digest}), path)


def _verdict(whole: Bundle, drawn: random.Random, path: Path) -> None:
    """A better verdict on the same rows."""
    verdicts = json.loads(json.dumps(whole.verdicts))
    row = drawn.choice([row for item in verdicts["claims"] for row in item["rows"]])
    if drawn.random() < 0.5 and row["tested"][0]["ratio"]:
        row["tested"][0]["ratio"] *= drawn.uniform(1.001, 2.0)
    else:
        row["finding"] = "replicated" if row["finding"] != "replicated" else "contradicted"
    _write(replace(whole, verdicts=verdicts), path)


def _left_out(whole: Bundle, drawn: random.Random, path: Path) -> None:
    """Rows of a case left out, under the verdicts of all."""
    name = drawn.choice(sorted(whole.rows))

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[rows["case_id"] != rows.loc[_of_case(rows, drawn)[0], "case_id"]]

    _write(replace(whole, rows={**whole.rows, name: bundles.changed_rows(whole.rows[name], change)}), path)


FORGERIES: Mapping[str, Callable[[Bundle, random.Random, Path], None]] = {
    "a byte of the rows": _bytes,
    "lower ratios to reach": _rules,
    "a better verdict on the same rows": _verdict,
    "rows left out under the verdicts of all": _left_out,
}


def _page(tallies: Sequence[Tally], results: Path) -> str:
    others = tallies[1:]
    named, count = sum(item.named for item in others), sum(item.bundles for item in others)
    lines = [
        "# Bundles that were tampered with",
        "",
        f"`python -m {ROOT}.commands.bundle_proof --results {results}`: bundles of real rows, changed as somebody "
        "would who wants another verdict. Files are "
        "sealed again, hashes and verdicts are made anew, so that only what is wrong about the change itself gives it away. Honest ones "
        "hold random parts of the same rows.",
        "",
        f"Named: {named} of {count} that were tampered with ({100 * named / max(count, 1):.1f} %), {tallies[0].named} of "
        f"{tallies[0].bundles} honest ones.",
        "",
        "| kind | bundles | named | what for |",
        "| --- | ---: | ---: | --- |",
    ]
    for item in tallies:
        reasons = ", ".join(
            f"{name} {times}" for name, times in sorted(item.reasons.items(), key=lambda pair: -pair[1])
        )
        lines.append(f"| {item.kind} | {item.bundles} | {item.named} | {reasons} |")
    lines += [
        "",
        "What is not found out: rows that are made up as a whole, and times that are scaled by little, consistently in every call, visit "
        "and metric. Nothing in a file of numbers can tell those; measuring again does.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
