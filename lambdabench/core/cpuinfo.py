"""What Linux says of the processor in /proc/cpuinfo; nothing on other systems."""

import platform
from collections.abc import Mapping
from pathlib import Path

PLACE = Path("/proc/cpuinfo")


def read(path: Path = PLACE) -> Mapping[str, str]:
    """Its fields, those of the first processor where each has its own; empty where there is no such file."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    result: dict[str, str] = {}
    for key, _, value in (line.partition(":") for line in lines):
        result.setdefault(key.strip(), value.strip())
    return result


def name(path: Path = PLACE) -> str:
    """The processor's, or as much as Python knows of it: arm64 names none here."""
    return read(path).get("model name") or platform.processor() or platform.machine()


def instruction_sets(path: Path = PLACE) -> str:
    """Its instruction sets, space-separated, as x86 and as arm64 call the line; empty where none are told."""
    fields = read(path)
    return fields.get("flags") or fields.get("Features") or ""
