"""How every figure looks: colours that colour-blind readers tell apart, quiet axes, reproducible files."""

import contextlib
import textwrap
import warnings
from collections.abc import Generator, Iterable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

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
MOST_COLOURED = len(MARKERS)
"""Things of one panel that have a look of their own, where each must be known by its look alone, in grey as well."""
GREY = "#c4c4c4"
"""Of what is not told apart: it shows where the others are."""
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
MOST_LAYOUTS = 4
EDGE = 0.01
"""Of a figure's width, between its edges and its words."""
TITLE = FontProperties(size=11, weight="bold")
SMALL_PRINT = FontProperties(size=6.5)


def heading(figure: Figure, title: str) -> None:
    """The title over a figure, wrapped to its width."""
    text = foreign.bounded(foreign.plain(title), LONGEST_TEXT)
    figure.suptitle("\n".join(_wrapped(figure, text, TITLE)), fontproperties=TITLE, x=EDGE, ha="left")


def caption(figure: Figure, notes: Sequence[str]) -> None:
    """The conditions under a figure, wrapped to its width, all of them: the figure grows by what they take beyond their share."""
    names = (foreign.bounded(foreign.plain(note), LONGEST_NOTE) for note in notes)
    lines = [line for note in names for line in _wrapped(figure, note, SMALL_PRINT)]
    figure.set_figheight(figure.get_figheight() + LINE_INCHES * max(0, len(lines) - SPARE_LINES))
    figure.supxlabel("\n".join(lines), fontproperties=SMALL_PRINT, color="#555555", x=EDGE, ha="left")


def legend_above(lift: float) -> dict[str, Any]:
    """How a legend stands over a panel's upper edge, `lift` of its letters high: room for the panel's title."""
    place = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "borderaxespad": lift, "borderpad": 0.0}
    return place | {"fontsize": 7, "frameon": False, "handletextpad": 0.4}


def settle(figure: Figure) -> None:
    """Lays a figure out for good: what is placed in pixels afterwards stays clear of the rest."""
    for _ in range(MOST_LAYOUTS):  # numbers at an axis change with its length, and its length with their width
        before = [axes.get_position().bounds for axes in figure.axes]
        figure.draw_without_rendering()
        if np.allclose(before, [axes.get_position().bounds for axes in figure.axes], atol=1e-4):
            break
    for axes in figure.axes:
        axes.autoscale(enable=False)
    figure.set_layout_engine("none")


def _wrapped(figure: Figure, text: str, font: FontProperties) -> list[str]:
    """The text in lines that are no wider than the figure: as many characters as fit of those that it has."""
    pixels = figure.dpi * (1 - 2 * EDGE) * figure.get_figwidth()
    ruler = RendererAgg(1, 1, figure.dpi)  # letters are rounded to pixels, so that their widths do not scale

    def wide(line: str) -> float:
        return ruler.get_text_width_height_descent(line, font, ismath=False)[0]

    characters = max(1, int(1.1 * pixels * len(text) / max(wide(text), 1)))
    while max(map(wide, lines := textwrap.wrap(text, characters)), default=0) > pixels and characters > 1:
        characters -= 1 + characters // 50
    return lines


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
