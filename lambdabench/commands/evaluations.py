"""Rows of evaluations beside those of a suite: its networks' accuracies, which are no cases of its own."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..analysis.accuracies import METRICS
from ..core import fields, flags
from ..core.evaluation import DATA, DIGITS, SUITE, WEIGHTS


def folders_of(results: Path, name: str) -> list[Path]:
    """Where a suite's rows are that has a folder of its own, and where those of evaluations are, if there are some."""
    return [results / name, *beside(results)]


def beside(results: Path) -> list[Path]:
    """The folder of evaluations in a folder of results; none where nothing was evaluated."""
    folder = results / SUITE
    return [folder] if folder.is_dir() else []


def of_networks(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of a suite, and accuracies that were measured of its networks; none where it has no rows."""
    is_evaluation = (rows["suite"] == SUITE).to_numpy()
    mine = (rows["suite"] == name).to_numpy()
    if not is_evaluation.any():
        return rows[mine]
    networks = set(rows[mine]["model"])
    accuracies = is_evaluation & rows["metric"].isin(METRICS).to_numpy() & rows["model"].isin(networks).to_numpy()
    return rows[mine | accuracies]


def without(cases: pd.DataFrame) -> pd.DataFrame:
    """The cases that are no evaluations, once these have given them their accuracies; all where there are no others."""
    others = cases[cases["suite"] != SUITE]
    return cases if others.empty else others.reset_index(drop=True)


def repeat_command(case: Mapping[str, Any], results: Sequence[str]) -> str:
    """The command that evaluates again. Rows do not know where images and checkpoint are: DIR and FILE stand for them."""
    options = dict(fields.options(case))
    weights, _ = options.pop(WEIGHTS, ""), options.pop(DATA, "")
    is_tag = not re.fullmatch(f"[0-9a-f]{{{DIGITS}}}", str(weights))
    words = ["lambdabench", "evaluate", f"{case['model']}.{weights}" if is_tag else str(case["model"]), "--data", "DIR"]
    words += [] if is_tag else ["--checkpoint", "FILE"]
    for name in ("backend", "dtype", "device", "batch_size", "image_px"):
        words += [flags.dashed(name), str(fields.value(case, fields.NAMED[name]))]
    for key, value in options.items():
        words += ["--option", f"{key}={json.dumps(value) if not isinstance(value, str) else value}"]
    return shlex.join([*words, *results])
