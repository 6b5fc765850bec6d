"""The numbers that the LambdaNetworks paper prints (arXiv 2102.08602), one a row of paper.csv, with the misprints among them."""

import csv
import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import FactError
from ..core.spec import Options, options_from

PAPER = "arXiv 2102.08602"
EPOCHS = re.compile(r"(\d+) epochs")
TABLES = (*(f"Table {number}" for number in (3, 4, 5, 6, 9, 10, 11, 13, 14, 15, 16, 17, 19)), "Fig. 4")
UNITS = {
    "M": ("1", 1e6),
    "GFLOP/image": ("FLOP/image", 1e9),
    "MFLOP/image": ("FLOP/image", 1e6),
    "image/s": ("image/s", 1.0),
    "s/step": ("s/step", 1.0),
    "GiB": ("B", 2.0**30),
    "%": ("%", 1.0),
}
"""Printed unit -> (unit of our rows, factor to it). The paper writes GB for what its formula gives in GiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFigure:
    """One printed value. A misprint is one that the paper's own formula, or its source, contradicts: `derived` has what these give."""

    table: str
    row: str
    """The label of the row, in words close to the paper's."""
    model: str
    """Our name of the network, or timm's; empty where there is none."""
    options: Options
    """Options of the model other than its defaults."""
    image_px: int | None
    metric: str
    unit: str
    """As printed: a key of UNITS."""
    printed: str
    """With the printed decimals."""
    derived: str
    """What it should be, with as many decimals at least; empty unless the printed value is a misprint."""
    conditions: str
    note: str

    @property
    def value(self) -> float:
        """The printed number in the printed unit."""
        return float(self.printed)

    @property
    def decimals(self) -> int:
        """Digits that are printed behind the point."""
        return len(self.printed.partition(".")[2])


@functools.cache
def paper_figures(table: str | None = None) -> tuple[PaperFigure, ...]:
    """Every number of a table ("Table 13", "Fig. 4"), or of all. Raises ValueError for a table that is not there."""
    if table is not None and table not in TABLES:
        raise ValueError(f"found table {table!r}, expected one of {', '.join(TABLES)}")
    with (Path(__file__).parent / "paper.csv").open(encoding="utf-8") as file:
        return tuple(_figure(row) for row in csv.DictReader(file) if table in (None, row["table"]))


def recipe(paper_figure: PaperFigure) -> str:
    """The tag of a printed accuracy's weights, read off its conditions: "paper_90_epochs", "quoted_130_epochs" where the paper has it
    from another. Raises FactError where its conditions name no training."""
    epochs = EPOCHS.search(paper_figure.conditions)
    if epochs is None:
        raise FactError(
            f"found the conditions {paper_figure.conditions!r} in {paper_figure.table}, {paper_figure.row}, "
            "expected how long its weights were trained; name the epochs in facts/paper.csv"
        )
    return f"{'quoted' if paper_figure.conditions.startswith('quoted') else 'paper'}_{epochs[1]}_epochs"


def _figure(row: dict[str, str]) -> PaperFigure:
    return PaperFigure(
        table=row["table"],
        row=row["row"],
        model=row["model"],
        options=options_from(json.loads(row["options"] or "{}")),
        image_px=int(row["image_px"]) if row["image_px"] else None,
        metric=row["metric"],
        unit=row["unit"],
        printed=row["value"],
        derived=row["derived"],
        conditions=row["conditions"],
        note=row["note"],
    )
