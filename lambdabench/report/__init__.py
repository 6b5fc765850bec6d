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
]


def _json(result: Page) -> str:
    return json.dumps(data(result), indent=2, ensure_ascii=False) + "\n"


RENDERERS: Mapping[str, Callable[[Page], str]] = {
    "index.md": markdown.render,
    "index.html": html.render,
    "index.json": _json,
}


def write(result: Page, folder: Path) -> tuple[Path, ...]:
    """Writes a page into `folder` as Markdown, HTML and JSON; returns their paths, Markdown's first. Raises StoreError."""
    paths: list[Path] = []
    for name, render in RENDERERS.items():
        path = folder / name
        with folders.writing(path, "free space, or give another folder"):
            path.write_text(render(result), encoding="utf-8")
        paths.append(path)
    return tuple(paths)
