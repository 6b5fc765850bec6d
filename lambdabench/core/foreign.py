"""The one boundary of text that is not ours: names of networks and tests, reasons, devices, what other programs said. It is stored as it
is, bounded, and made harmless where it leaves: for a terminal, Markdown, a figure or a spreadsheet.
"""

import re
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")
MOST_CHARACTERS = 2000
"""Of a reason: enough for an error with its place, however much a program said."""
MOST_BYTES = 2**16
"""That are read from the end of what a program said."""
SPACES = re.compile(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029 ]+")
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # control characters: a terminal obeys them, XML forbids most
    "\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # order, and what has no width
    "\u2028\u2029\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
LOGIN = re.compile(r"(\b[A-Za-z][\w+.-]*://)[^\s/@\"'<>]+@")
MEANT = re.compile(
    r"[\\`*|~]|\[(?=\^|[^\]]*\][\[(:])|^\[(?=[ xX]\])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^(?=[-+])|(?<=:)(?=//)|(?<=www)(?=\.)"
)
"""What Markdown, or GitHub's, takes for more than text where it stands."""
COUNTED = re.compile(r"^(\d+)(?=[.)])")
"""What begins a numbered list."""
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"}
CALLS = re.compile(r"@|(?<!&)#(?=\d)|^#|\bGH-(?=\d)", re.IGNORECASE)
FORMULAS = ("=", "+", "-", "@")


def plain(text: str) -> str:
    """One line that shows every character that it has: control characters and those that change the order of others as `\\u001b`, a
    login in an address as ***."""
    if text.isascii() and text.isprintable() and "  " not in text and "://" not in text:
        return text.strip()  # as nearly all are
    return visible(SPACES.sub(" ", text).strip())


def lines(text: str) -> str:
    """The same of a text whose lines stay lines."""
    return "\n".join(visible(name.rstrip("\r").expandtabs()) for name in text.split("\n"))


def visible(text: str) -> str:
    """The text with unseen characters shown and logins hidden, spaces as they are."""
    hidden = LOGIN.sub(r"\1***@", text) if "://" in text else text
    return UNSEEN.sub(lambda match: _shown(match[0]), hidden)


def markdown(text: str, *, in_cell: bool = False) -> str:
    """The text as one line of Markdown that reads as the text does, in a table's cell too: no markup, no HTML, no link, nobody called. In a
    cell nothing begins a list."""
    meant = MEANT.sub(lambda match: f"\\{match[0]}", plain(text))
    safe = "".join(ENTITIES.get(name, name) for name in meant)
    safe = safe if in_cell else COUNTED.sub(r"\1\\", safe)
    return CALLS.sub(lambda match: f"{match[0]}&#8203;", safe)


def code(text: str) -> str:
    """The text as a code span of Markdown, in a table's cell too."""
    name = plain(text).replace("|", "\\|")
    ticks = "`" * (max((len(item) for item in re.findall("`+", name)), default=0) + 1)
    gap = " " if name.startswith("`") or name.endswith("`") else ""
    return f"{ticks}{gap}{name}{gap}{ticks}"


def cell(text: str) -> str:
    """The text as a cell of CSV that no spreadsheet takes for a formula."""
    name = plain(text)
    return f"'{name}" if name.startswith(FORMULAS) and not _is_number(name) else name


def cleaned(value: T) -> T:
    """A value made of dataclasses, tuples, lists, mappings and scalars, with every text in it `plain`."""
    return cast("T", _cleaned(value))


def bounded(text: str, most: int = MOST_CHARACTERS) -> str:
    """A reason without logins, shortened in its middle: what happened stands at its beginning or its end."""
    if len(text) > most:
        name = f" ... ({len(text) - most:,} characters left out) ... "
        keep = most - len(name)
        text = f"{text[: keep - keep // 2]}{name}{text[len(text) - keep // 2 :]}"
    return LOGIN.sub(r"\1***@", text)


def cut(text: str, most: int) -> str:
    """A name with its middle left out where it is longer than there is room for."""
    return text if len(text) <= most else f"{text[: (most - 1) // 2]}…{text[len(text) - most // 2 :]}"


def last_words(path: Path, count: int) -> str:
    """The last lines of what a program said into a file, on one line, of which the end alone is read; empty where it said nothing."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - MOST_BYTES))
            said = file.read(MOST_BYTES).decode(errors="replace")
    except OSError:
        return ""
    return bounded(" / ".join(line.strip() for line in said.strip().splitlines()[-count:]))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{field.name: _cleaned(getattr(value, field.name)) for field in fields(value) if field.init}
        )
    if isinstance(value, (tuple, list)):
        items = [_cleaned(item) for item in cast("list[Any]", value)]
        return tuple(items) if isinstance(value, tuple) else items
    if isinstance(value, dict):
        return {_cleaned(key): _cleaned(item) for key, item in cast("dict[Any, Any]", value).items()}
    return value


def _shown(character: str) -> str:
    """As JSON escapes it, so that it may stand in JSON too."""
    number = ord(character)
    if number > 0xFFFF:
        high, low = divmod(number - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    return f"\\u{number:04x}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
