"""Marks in letters that every terminal has, where a stream's encoding lacks ours: no output fails."""

import codecs
import io
from collections.abc import Iterable
from typing import TextIO

PLAIN = {
    "●": "*",
    "◐": "~",
    "·": ".",
    "✗": "x",
    "–": "-",
    "−": "-",
    "—": "-",
    "×": "x",
    "±": "+-",
    "½": "1/2",
    "µ": "u",
    "μ": "u",
    "²": "2",
    "→": "->",
    "←": "<-",
    "…": "...",
    "≤": "<=",
    "≥": ">=",
    "✓": "+",
    "•": "*",
    **{mark: str(height) for height, mark in enumerate("▁▂▃▄▅▆▇█", start=1)},
    **dict.fromkeys("─━═╌", "-"),
    **dict.fromkeys("│┃║", "|"),
    **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼", "+"),
}
"""What stands for each; the heights of a row of blocks are 1 to 8."""
HANDLER = f"{(__package__ or '').split('.', maxsplit=1)[0]}-marks"


def plain(error: UnicodeError) -> tuple[str, int]:
    """An error handler of codecs: a mark's letters, and any other character as an escape. Raises what is no error of encoding."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(PLAIN.get(letter) or _escaped(letter) for letter in missing), error.end


def _escaped(letter: str) -> str:
    return letter.encode("ascii", "backslashreplace").decode()


def settle(streams: Iterable[TextIO | None]) -> None:
    """Lets streams of any encoding take our marks."""
    codecs.register_error(HANDLER, plain)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper) and not stream.encoding.lower().replace("-", "").startswith("utf"):
            stream.reconfigure(errors=HANDLER)
