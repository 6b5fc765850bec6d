"""Rows to a page that a person reads: tables, conditions, origins, holes."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from ..analysis.page import Page, data
from ..core import folders
from . import html, markdown
from .figures import draw_plots, plots_of
from .notes import curve_notes, load_notes, notes, tail_notes
from .pages import Beside, accuracy, page

__all__ = [
    "Beside",
    "accuracy",
    "curve_notes",
    "draw_plots",
    "load_notes",
    "notes",
    "page",
    "plots_of",
    "tail_notes",
    "write",
    "write_site",
]
DRAWN_BY_THE_PAGE = "pareto.svg"


def _json(result: Page) -> str:
    return json.dumps(data(result), indent=2, ensure_ascii=False) + "\n"


RENDERERS: Mapping[str, Callable[[Page], str]] = {"index.md": markdown.render, "index.json": _json}
SITE = "index.html"
MEND = "free space, or give another folder"


def write(result: Page, folder: Path) -> tuple[Path, ...]:
    """Writes a page into `folder` as Markdown, HTML and JSON; returns their paths, Markdown's first. Raises StoreError."""
    texts = {name: render(result) for name, render in RENDERERS.items()}
    texts["index.html"] = html.render(result, _svgs(result, folder))
    paths = tuple(folder / name for name in ("index.md", "index.html", "index.json"))
    for path in paths:
        _write(path, texts[path.name])
    return paths


def write_site(reports: Path) -> Path:
    """Writes the page over all suites whose pages lie in `reports`; returns its path. Raises StoreError."""
    path = reports / SITE
    _write(path, html.render_site(html.read_site(reports)))
    return path


def _write(path: Path, text: str) -> None:
    with folders.writing(path, MEND):
        path.write_text(text, encoding="utf-8")


def _svgs(result: Page, folder: Path) -> dict[str, bytes]:
    """The figures that go into a page, but for that which it draws itself."""
    names = [name for name in result.figures if not (result.chart is not None and name == DRAWN_BY_THE_PAGE)]
    return {name: (folder / name).read_bytes() for name in names if (folder / name).is_file()}
