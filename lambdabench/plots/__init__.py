"""One figure, one module: `TITLE`, and `draw` from the wide table to a figure with the numbers behind it."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ..core import folders, foreign
from . import _style as style


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A figure and the numbers it shows."""

    figure: Figure
    numbers: pd.DataFrame


def save(drawing: Drawing, folder: Path, name: str) -> tuple[Path, ...]:
    """Writes <name>.svg, .png and .csv into `folder`; equal input gives equal files. Raises StoreError."""
    paths = tuple(folder / f"{name}.{ending}" for ending in ("svg", "png", "csv"))
    with folders.writing(paths[0], "free space, or give another folder"), style.context():
        drawing.figure.savefig(paths[0], metadata={"Date": None})
        drawing.figure.savefig(paths[1], dpi=200)
        drawing.numbers.map(lambda item: foreign.cell(item) if isinstance(item, str) else item).to_csv(
            paths[2], index=False
        )
    return paths
