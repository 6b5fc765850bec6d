"""What is said where tests do not reach the project that they are to compare: it lies where they do not look, or is not installed."""

import re
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import GateError
from . import project
from .result import Line

ABSENT = re.compile(r"No module named '([\w.]+)'")
INSTALL = "say --build 'pip install .'"


def refuse_unreached(lines: Sequence[Line], head: Path, build: str) -> None:
    """Raises GateError where head's tests cannot import what head's tree holds: that is no fault of its code."""
    absent = [match[1] for line in lines if line.status == "failed" and (match := ABSENT.search(line.evidence))]
    places = project.modules(head) if absent else {}
    name = next((name for name in absent if name in places), None)
    if name is None:
        return
    text = f"the tests import {name}, which is in {places[name] or 'the top folder'} and "
    if build:
        raise GateError(
            f"{text}which --build {build!r} does not install; say what does, such as --build 'pip install .'"
        )
    raise GateError(f"{text}not where Python looks: {_mend(places[name])}")


def advice(lines: Sequence[Line], build: str) -> tuple[str, ...]:
    """What to do where a side ran what is not its own."""
    strange = [two for line in lines for two in line.outcomes if two.trouble == "foreign"]
    if not strange:
        return ()
    if build:
        return (f"--build {build!r} does not give each side what it compares: {INSTALL.removeprefix('say ')} does",)
    return (f"so that each side has its own: {_mend('src')}",)


def _mend(root: str) -> str:
    return f'{INSTALL}, or pythonpath = ["{root or "."}"] in pytest\'s settings'
