"""What a flag of the command line, or a keyword from Python, says: a text with commas, a number, or a list of them.

None is a flag that was not given. One that was given and is empty is a mistake: most often a variable of a shell that is not set.
"""

import contextlib
import json
import re
from collections.abc import Mapping
from numbers import Integral
from typing import Any

from .errors import RequestError
from .loads import load_of
from .quantiles import share_of
from .spec import LARGEST, Value
from .units import parse_duration

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
BYTES = {"B": 1.0, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
COUNT_UNITS = {"k": 1e3, "M": 1e6, "G": 1e9}


def text(given: Any, flag: str) -> str | None:
    """The one value there is. Raises RequestError where it is empty."""
    if given is None:
        return None
    if not str(given).strip():
        raise RequestError(f"{flag}: found {given!r}, expected a value; leave the flag out where none is meant")
    return str(given)


def words(given: Any, flag: str) -> tuple[str, ...]:
    """The values, spaces around them cut. Raises RequestError where there are none."""
    if given is None:
        return ()
    parts = [given] if isinstance(given, str) or not hasattr(given, "__iter__") else list(given)
    names = tuple(word.strip() for part in parts for word in str(part).split(",") if word.strip())
    if not names:
        raise RequestError(
            f"{flag}: found {given!r}, expected a value or several with commas; leave the flag out where none is meant"
        )
    return names


def pair(word: str, flag: str) -> tuple[str, str]:
    """(key, what is behind it) of "key=value". Raises RequestError for any other word."""
    key, equals, rest = str(word).partition("=")
    if not equals or not key.strip().isidentifier():
        raise RequestError(f"{flag}: found {word!r}, expected key=value")
    return key.strip(), rest


def values(given: Any, flag: str) -> tuple[Value, ...]:
    """Values of an option, or several: of text each is read as JSON (8, 0.5, true), else it is text. Raises RequestError where there are
    none."""
    if isinstance(given, (bool, int, float)):
        return (given,)
    parts = words(given, flag) if isinstance(given, str) else tuple(given)
    if not parts:
        raise RequestError(f"{flag}: found {given!r}, expected a value; leave the flag out where none is meant")
    return tuple(value(part) if isinstance(part, str) else part for part in parts)


def value(text: str) -> Value:
    """A number or a flag where JSON has one of them, else the text."""
    try:
        read = json.loads(text)
    except json.JSONDecodeError:
        return text
    return read if isinstance(read, (str, int, float, bool)) else text


def number(given: Any, flag: str) -> int:
    """A count. Raises RequestError where it is none."""
    name = str(given)
    if not (name.isdecimal() and len(name) <= len(str(LARGEST)) and 1 <= int(name) <= LARGEST):
        raise RequestError(
            f"{flag}: found {name!r}, expected a whole number from 1 to {LARGEST:,}, or several with commas"
        )
    return int(name)


def whole(name: str, given: Any) -> int:
    """A whole number of at least 1, of an argument in Python. Raises RequestError."""
    if isinstance(given, bool) or not isinstance(given, Integral) or int(given) < 1:
        raise RequestError(f"found {name} {given!r}, expected a whole number of at least 1")
    return int(given)


def numbers(given: Any, flag: str) -> tuple[int, ...]:
    """Counts. Raises RequestError for what is none."""
    return tuple(number(word, flag) for word in words(given, flag))


def choices(given: Any, flag: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Values of a list. Raises RequestError for any other."""
    names = words(given, flag)
    for name in names:
        if name not in known:
            raise RequestError(f"{flag}: found {name!r}, expected one of {', '.join(known)}")
    return names


def quantile(given: Any, flag: str) -> str | None:
    """The name of a quantile, "p95". Raises RequestError for what is none."""
    if given is None:
        return None
    try:
        share_of(str(given))
    except ValueError as error:
        raise RequestError(f"{flag}: {error}") from error
    return str(given)


def loads(given: Any, flag: str) -> tuple[str, ...]:
    """Loads, "0.5,30/s". Raises RequestError for what is none."""
    texts = words(given, flag)
    for text in texts:
        try:
            load_of(text)
        except ValueError as error:
            raise RequestError(f"{flag}: {error}") from error
    return texts


def limit(given: Any, flag: str) -> float | None:
    """Seconds of "25ms", "1.5s" or "800us". Raises RequestError where they are none, or not above 0."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|ms|us|µs)", str(given))
    if match is None or float(match[1]) == 0:
        raise RequestError(
            f"{flag}: found {str(given)!r}, expected a time above 0 with its unit, like 25ms, 1.5s or 800us"
        )
    return float(match[1]) * UNITS[match[2]]


def count(given: Any, flag: str) -> float | None:
    """30e6 of "30M", 3e9 of "3G" or "3 GMACs". Raises RequestError where it is none, or has no unit."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kMG])(?:MACs)?", str(given))
    if match is None or float(match[1]) == 0:
        raise RequestError(
            f"{flag}: found {str(given)!r}, expected a count above 0 with its unit, like 3G, 600M or 500k"
        )
    return float(match[1]) * COUNT_UNITS[match[2]]


def percent(given: Any, flag: str) -> float | None:
    """80.0 of "80", "80%" or a number. Raises RequestError where it is none, or not from 1 to 100: 0.8 is a share."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?%?", str(given))
    if match is None or not 1 <= float(match[1]) < 100:
        raise RequestError(f"{flag}: found {str(given)!r}, expected percent from 1 to below 100, like 80")
    return float(match[1])


def memory(given: Any, flag: str) -> float | None:
    """Bytes of "2GiB" or "500MB". Raises RequestError where they are none, or have no unit."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]i?B|B)", str(given))
    if match is None or match[2] not in BYTES or float(match[1]) == 0:
        raise RequestError(
            f"{flag}: found {str(given)!r}, expected an amount above 0 with its unit, like 500MB or 2GiB"
        )
    return float(match[1]) * BYTES[match[2]]


def price(given: Any, flag: str) -> float | None:
    """Money an hour of "0.80/h". Raises RequestError where it is none."""
    if given is None:
        return None
    match = re.fullmatch(r"[$€£]?(\d+(?:\.\d+)?) ?/ ?h", str(given))
    if match is None or float(match[1]) == 0:
        raise RequestError(f"{flag}: found {str(given)!r}, expected a price of an hour above 0, like 0.80/h")
    return float(match[1])


def rate(given: Any, flag: str) -> float | None:
    """Images a second of "500" or "500/s". Raises RequestError where it is none."""
    if given is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(?:image)?(?:/s)?", str(given))
    if match is None or float(match[1]) == 0:
        raise RequestError(f"{flag}: found {str(given)!r}, expected images a second above 0, like 500 or 500/s")
    return float(match[1])


def percents(given: Any, flag: str) -> tuple[float, ...]:
    """Percents of "80,82.5%". Raises LambdabenchError for what is no number between 0 and 100."""
    values: list[float] = []
    for word in words(given, flag):
        with contextlib.suppress(ValueError):
            if 0 < (value := float(word.removesuffix("%"))) < 100:
                values.append(value)
                continue
        raise RequestError(f"{flag}: found {word!r}, expected percents between 0 and 100, like 80,82.5")
    return tuple(values)


def refuse_alone(given: Mapping[str, object], needed: str, *, is_given: bool) -> None:
    """Raises RequestError for flags that say nothing without `needed`: left to themselves they would be ignored."""
    if not is_given and (alone := [flag for flag, value in given.items() if value]):
        raise RequestError(
            f"{', '.join(alone)}: found without {needed}, which it goes with; leave it out, or add {needed}"
        )


def refuse_beside(given: Mapping[str, object], other: str) -> None:
    """Raises RequestError for flags that contradict `other`, which was given too."""
    if both := [flag for flag, value in given.items() if value]:
        raise RequestError(f"{', '.join(both)}: found beside {other}, which it does not go with; leave one out")


def duration(given: Any, flag: str) -> float | None:
    """Seconds of "90s", "10m", or of a number. Raises RequestError where they are none, or not above 0."""
    if given is None:
        return None
    try:
        seconds = float(given) if isinstance(given, (int, float)) else parse_duration(str(given))
    except ValueError as error:
        raise RequestError(f"{flag}: {error}") from error
    if not 0 < seconds < float("inf"):
        raise RequestError(f"{flag}: found {str(given)!r}, expected a duration above 0 like 90s, 10m or 1h30m")
    return seconds


def share(given: Any, flag: str) -> float | None:
    """0.02 of "2%", or of a number. Raises RequestError where it is none, or not between 0 and 100 %."""
    if given is None:
        return None
    name = str(given).strip()
    with contextlib.suppress(ValueError):
        value = float(name.removesuffix("%")) / (100 if name.endswith("%") else 1)
        if 0 < value < 1:
            return value
    raise RequestError(f"{flag}: found {str(given)!r}, expected a share above 0 and below 100 %, like 2%")


def dashed(name: str) -> str:
    """A keyword's name as the command line has it, "--batch-size"."""
    return f"--{name.replace('_', '-')}"
