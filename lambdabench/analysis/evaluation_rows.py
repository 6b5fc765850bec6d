"""Rows of evaluations beside those of a suite: its networks' accuracies, which are no cases of its own."""

from pathlib import Path

import pandas as pd

from ..core.evaluation import SUITE
from .accuracies import METRICS


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
