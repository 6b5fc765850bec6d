"""The counters of energy that Linux shows of a CPU: RAPL zones in /sys/class/powercap (Documentation/power/powercap/powercap.rst), by
Intel's and AMD's processors alike.

A package holds its cores and what else is on the chip; memory (`dram`) is beside it, and `psys` is the whole board, with both in it. So
packages and their memory are summed, and no other zone. A package that two drivers show (`intel-rapl`, `intel-rapl-mmio`) counts once.
"""

import re
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")
_ZONE = re.compile(r"(intel-rapl(?:-mmio)?:\d+)(:\d+)?")
MICRO = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A counter in a folder. It begins anew beyond `range_j` joules."""

    name: str
    folder: Path
    range_j: float

    def read_j(self) -> float:
        """Joules by now. Raises OSError where it may not be read any more, ValueError for what is no number."""
        return int((self.folder / "energy_uj").read_text()) * MICRO

    def between_j(self, before_j: float, after_j: float) -> float:
        """Joules between two readings, less than `range_j` apart."""
        return after_j - before_j + (self.range_j if after_j < before_j else 0.0)


def zones(folder: Path = POWERCAP) -> tuple[tuple[Zone, ...], str]:
    """(The packages with their memory, why there are none). All or nothing: a part of them would be told as the whole."""
    if not folder.is_dir():
        return (), f"{folder} is absent"
    found: dict[str, Zone] = {}
    for path in sorted(folder.iterdir(), key=lambda item: ("mmio" in item.name, item.name)):
        name = _counted(path, folder)
        if not name:
            continue
        try:
            range_j = int((path / "max_energy_range_uj").read_text()) * MICRO
            zone = Zone(name=name, folder=path, range_j=range_j)
            zone.read_j()
        except PermissionError:
            return (), f"{path / 'energy_uj'} may be read by root alone: sudo chmod a+r {folder}/*/energy_uj"
        except (OSError, ValueError) as error:
            return (), f"{path} cannot be read: {error}"
        found.setdefault(name, zone)
    return tuple(found.values()), "" if found else f"{folder} has no package of a CPU"


def _counted(path: Path, folder: Path) -> str:
    """The name under which a zone is summed, "package-0" or "package-0 dram"; empty for what is none, or in another one."""
    match = _ZONE.fullmatch(path.name)
    name = _name(path)
    if match is None or not name:
        return ""
    if match[2] is None:
        return name if name.startswith("package") else ""
    package = _name(folder / match[1])
    return f"{package} {name}" if name == "dram" and package.startswith("package") else ""


def _name(path: Path) -> str:
    try:
        return (path / "name").read_text().strip()
    except OSError:
        return ""
