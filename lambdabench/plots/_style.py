"""How every figure looks: colours that colour-blind readers tell apart, quiet axes, reproducible files."""

import contextlib
import textwrap
import warnings
from collections.abc import Generator, Iterable, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from ..core import foreign

FAMILIES = {
    "lambda": ("#d55e00", "D"),
    "attention": ("#0072b2", "s"),
    "hybrid": ("#cc79a7", "^"),
    "mobile": ("#009e73", "o"),
    "convolution": ("#6b6b6b", "P"),
}
"""Okabe and Ito's palette (jfly.uni-koeln.de/color); colour and marker of each family."""
WORDS = {
    "lambda": ("lambda", "resnet50_l", "resnet50_cl", "resnet50_ccl", "resnet50_cccl"),
    "hybrid": ("botnet", "halonet", "levit", "coatnet", "mobilevit", "efficientvit", "nextvit", "shvit", "caformer"),
    "attention": ("_attention", "vit", "deit", "swin", "beit", "eva_", "eva02"),
    "mobile": ("efficientnet", "mobilenet", "tinynet", "lcnet"),
}
"""The first family that has a word of a model's name is its family."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9")
"""The same palette without its yellow, which is lost on white."""
MARKERS = "osD^vPX*"
DASHES = ("-", "--", "-.", ":")


def family(model: str) -> str:
    """The family that a model's name tells; "convolution" where it tells none."""
    return next((name for name, words in WORDS.items() if any(word in model for word in words)), "convolution")


def looks(models: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each model; no two are equal among the first 56 (7 colours, 8 markers, no common factor)."""
    return {
        name: (COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)])
        for place, name in enumerate(sorted(set(models)))
    }


LONGEST_NAME, LONGEST_TEXT, LONGEST_NOTE = 60, 160, 1200
"""Characters of a point's name, of a title and of a line under a figure that leave room for the figure."""
SPARE_LINES, LINE_INCHES = 6, 0.108
"""Lines under a figure that it has room for as it is, and the height of one."""
TITLE_PER_INCH = 9
"""Characters of a title that an inch of a figure holds."""


def heading(figure: Figure, title: str) -> None:
    """The title over a figure, wrapped to its width."""
    text = textwrap.fill(
        foreign.bounded(foreign.plain(title), LONGEST_TEXT), int(figure.get_figwidth() * TITLE_PER_INCH)
    )
    figure.suptitle(text, fontsize=11, fontweight="bold", x=0.01, ha="left")


def caption(figure: Figure, notes: Sequence[str], width: int) -> None:
    """The conditions under a figure, wrapped to `width` characters, all of them: the figure grows by what they take beyond their share."""
    names = (foreign.bounded(foreign.plain(note), LONGEST_NOTE) for note in notes)
    lines = [line for note in names for line in textwrap.wrap(note, width)]
    figure.set_figheight(figure.get_figheight() + LINE_INCHES * max(0, len(lines) - SPARE_LINES))
    figure.supxlabel("\n".join(lines), fontsize=6.5, color="#555555", x=0.01, ha="left")


@contextlib.contextmanager
def context() -> Generator[None]:
    """The settings under which figures are drawn and saved."""
    settings: dict[Any, Any] = {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e6e6e6",
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "svg.hashsalt": "lambdabench",
        "svg.fonttype": "none",
        "text.parse_math": False,  # names have dollar signs, and no figure of ours a formula
        "figure.dpi": 100,
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # names may be of a script that the font of the PNG lacks; the SVG has them as text
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield
