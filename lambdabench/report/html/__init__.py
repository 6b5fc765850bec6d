"""A page as HTML: one file, which asks nothing of any network, opens from disk and works without scripts as far as it can.

The figure is SVG that Jinja writes, with every name escaped, and some 150 lines of script filter, sort and show a case. A plotting library
was weighed and left out: what they draw is no text that a screen reader or a keyboard reaches, and prints as pixels (bokeh, 1.3 MB of
script a page), needs an installation of 34 MB (vl-convert for Vega), or is more than a page may weigh (plotly.py's bundle, 4.5 MB); each
would be many times the page, which has 60 KB. Axes are matplotlib's, as everywhere.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2
import markupsafe

from ...analysis.page import CaseCard, Cell, Column, Page, words
from ...core import foreign
from .geometry import MARKERS, draw
from .site import SiteEntry, read_site

__all__ = ["SiteEntry", "read_site", "render", "render_site"]
FOLDER = Path(__file__).parent
MOST_PICTURE_BYTES = 1_000_000
"""Of figures within a page; others are named."""
MOST_BYTES = 1_900_000
"""Of a page: what would be more is written without figures, then with short cards."""
MOST_VALUES = 40
"""Of a facet with more there is no list to pick from."""
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
BLACK = "#000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """What cases can be picked by, where they differ in it."""

    title: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure within the page. `numbers`: the file that has what it shows."""

    name: str
    address: str
    numbers: str


def render(page: Page, svgs: Mapping[str, bytes] | None = None) -> str:
    """The page as one text; every name and reason in it is escaped. `svgs`: the figures that go into it, by their files' names."""
    text = _rendered(page, page.cards, svgs or {})
    for cards, pictures in ((page.cards, {}), (tuple(map(_shortened, page.cards)), {})):
        if len(text.encode()) <= MOST_BYTES:
            break
        text = _rendered(page, cards, pictures)
    return text


def _rendered(page: Page, cards: Sequence[CaseCard], svgs: Mapping[str, bytes]) -> str:
    panels, script = draw(page.chart, cards), _text("page.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            panels=panels,
            has_front=any(panel.front for panel in panels),
            has_band=any(panel.band for panel in panels),
            facets=facets(cards),
            pictures=_pictures(svgs),
            cards=[_card(card) for card in cards],
            style=markupsafe.Markup(_text("page.css")),
            script=markupsafe.Markup(script),
            script_hash=markupsafe.Markup(_hash(script)),
        )
    )


def _shortened(card: CaseCard) -> CaseCard:
    """Without what the table has too, and without the command, which `show` prints."""
    return replace(card, lines=card.lines[-1:], command="")


def render_site(entries: Sequence[SiteEntry]) -> str:
    """The page over all suites and machines."""
    machines = sorted({name for entry in entries for name in entry.machines})
    style = markupsafe.Markup(_text("page.css"))
    return _environment().get_template("site.html.j2").render(entries=entries, machines=machines, style=style)


def facets(cards: Sequence[CaseCard]) -> list[Facet]:
    """The facets in which cases differ, in the order in which the first cards have them."""
    titles = dict.fromkeys(title for card in cards for title in card.facets)
    result: list[Facet] = []
    for title in titles:
        values = {card.facets.get(title, "") for card in cards}
        if 1 < len(values) <= MOST_VALUES:
            result.append(Facet(title=title, values=tuple(sorted(values - {""}, key=_order))))
    return result


def _order(value: str) -> tuple[int, float, str]:
    return (0, float(value), "") if value.isdigit() else (1, 0.0, value)


def _pictures(svgs: Mapping[str, bytes]) -> list[Picture]:
    result: list[Picture] = []
    weight = 0
    for name, svg in svgs.items():
        weight += 4 * len(svg) // 3
        if weight <= MOST_PICTURE_BYTES:
            address = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
            result.append(Picture(name=name, address=address, numbers=f"{Path(name).stem}.csv"))
    return result


def _card(card: CaseCard) -> dict[str, object]:
    lines = [[title, foreign.plain(text)] for title, text in card.lines]
    picked = {title: foreign.plain(text) for title, text in card.facets.items()}
    return {
        "name": foreign.plain(card.name),
        "lines": lines,
        "facets": picked,
        "command": foreign.visible(card.command),
    }


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True,
        keep_trailing_newline=True,
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "plain": foreign.plain,
        "words": words,
        "kind": _kind,
        "sort_key": _sort_key,
        "colour": _colour,
        "marker": lambda marker: MARKERS.get(marker, MARKERS["o"]),
    }
    return environment


def _kind(column: Column) -> markupsafe.Markup:
    return markupsafe.Markup(' class="number"' if column.is_number else "")


def _sort_key(cell: Cell) -> markupsafe.Markup:
    """What a number is sorted by: itself, not how it reads."""
    if isinstance(cell, str):
        return markupsafe.Markup("")
    return markupsafe.Markup(' data-v="{}"').format("" if cell.value is None else f"{cell.value:.9g}")


def _colour(colour: str) -> str:
    """A colour that can be seen on dark ground too."""
    return "currentcolor" if colour == BLACK or not COLOUR.fullmatch(colour) else colour


def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """The script that a browser may run, told by its digest: no other that somebody smuggled in."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
