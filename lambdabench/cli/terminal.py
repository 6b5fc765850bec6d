"""Where text leaves for a terminal: nothing that a name or a reason holds moves the cursor, changes colours or hides what stands there."""

import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderResult
from rich.measure import Measurement
from rich.segment import Segment

from ..core import foreign

PLAIN_WIDTH, NARROWEST = 150, 40
"""Columns where the output is no terminal and COLUMNS is not set: enough for a line of the closing table; and the fewest."""


class _Shown:
    """What a renderable draws, with unseen characters in it shown. rich passes them on, but for five."""

    __slots__ = ("_inner",)

    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._inner, options):
            name = segment.text if segment.control else "\n".join(map(foreign.visible, segment.text.split("\n")))
            yield segment if name == segment.text else Segment(name, segment.style)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._inner)


class _Boundary:
    """A render hook of rich's."""

    __slots__ = ()

    def process_renderables(self, renderables: Sequence[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Shown(renderable) for renderable in renderables]


def console(*, stderr: bool = False) -> Console:
    """A console without rich's markup, since names and intervals have brackets, that shows what cannot be seen."""
    settings: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False, "stderr": stderr}
    made = Console(**settings)
    if not stderr and not made.is_terminal:
        made = Console(**settings, width=_plain_width())
    made.push_render_hook(_Boundary())  # pyright: ignore[reportArgumentType]
    return made


def is_redrawn(console: Console) -> bool:
    """Whether what stands there can be drawn over: on a terminal that somebody looks at, and in no log that keeps every line."""
    is_watched = console.is_terminal and not console.is_dumb_terminal and console.file.isatty()
    return is_watched and not os.environ.get("CI")


def _plain_width() -> int:
    asked = os.environ.get("COLUMNS", "")
    return max(NARROWEST, int(asked)) if asked.isdigit() else PLAIN_WIDTH


def say(text: str, *, stderr: bool = False) -> None:
    """Prints a text whose lines are ours."""
    stream = sys.stderr if stderr else sys.stdout
    stream.write(f"{foreign.lines(text)}\n")
    stream.flush()


def warn(text: str) -> None:
    """Prints a text on standard error, where there is one."""
    if text:
        say(f"! {text}", stderr=True)


def open_page(path: Path | None) -> None:
    """Shows a page in the user's browser; says where it lies where there is none of either."""
    if path is None:
        warn("no page was written: nothing was measured")
    elif not webbrowser.open(path.resolve().as_uri()):
        warn(f"no browser was found to open {path}: open it by hand")
