"""One figure, one module: `TITLE`, and `draw` from the wide table to a figure with the numbers behind it."""

import functools
import io
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


def save(drawing: Drawing, folder: Path, name: str, command: str = "") -> tuple[Path, ...]:
    """Writes <name>.svg, .png and .csv into `folder`; equal input gives equal files. `command`, which makes it, stands in the metadata of
    the pictures. Raises StoreError."""
    paths = tuple(folder / f"{name}.{ending}" for ending in ("svg", "png", "csv"))
    metadata = {"Description": foreign.plain(command)} if command else {}
    with folders.writing(paths[0], "free space, or give another folder"), style.context():
        drawing.figure.savefig(paths[0], metadata={"Date": None, **metadata})
        drawing.figure.savefig(paths[1], dpi=200, metadata=metadata)
        drawing.numbers.map(lambda item: foreign.cell(item) if isinstance(item, str) else item).to_csv(
            paths[2], index=False
        )
    return paths


def displayed(drawing: Drawing) -> Figure:
    """The figure, which notebooks show as a picture of its own accord."""
    figure = drawing.figure
    figure._repr_png_ = functools.partial(_png, figure)  # pyright: ignore[reportAttributeAccessIssue] (what IPython asks for)
    return figure


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    with style.context():
        figure.savefig(picture, format="png", dpi=120)
    return picture.getvalue()
