"""Two files of pytest-benchmark's beside each other, with how little two processes can tell."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..analysis.estimate import median, median_interval
from ..core.errors import NotComparableError
from .recording import Timed
from .saved import differences, read_json

RATIO_LOG_SD = 0.03
"""Standard deviation of the log of the ratio of two processes of equal code (two Xeon cores, 88 pairs): no number of rounds mends it."""
NORMAL_95 = 1.96
Finding = Literal["slower", "faster", "not told apart", "new", "gone", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One benchmark: median seconds of a call before and after, their ratio with a 95 % interval between processes."""

    name: str
    finding: Finding
    before_s: float | None = None
    after_s: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None


def compare_files(before: Path, after: Path) -> tuple[FileChange, ...]:
    """Every benchmark of either file, in the order of the newer one. Raises LambdabenchError; NotComparableError for two machines."""
    files = read_json(before), read_json(after)
    if apart := differences(*files):
        raise NotComparableError(
            f"{before} and {after} are of two machines or Pythons and are not comparable: {'; '.join(apart)}"
        )
    old, new = ({one.name: one for one in file.timed} for file in files)
    names = dict.fromkeys([*new, *old])
    return tuple(_change(name, old.get(name), new.get(name)) for name in names)


def _change(name: str, old: Timed | None, new: Timed | None) -> FileChange:
    before_s, after_s = _median_s(old), _median_s(new)
    if old is None or new is None:
        return FileChange(name=name, finding="gone" if new is None else "new", before_s=before_s, after_s=after_s)
    if not before_s or not after_s:
        return FileChange(name=name, finding="failed", before_s=before_s, after_s=after_s)
    ratio = after_s / before_s
    spread = math.sqrt(_log_error(old) ** 2 + _log_error(new) ** 2 + RATIO_LOG_SD**2)
    low, high = (ratio * math.exp(sign * NORMAL_95 * spread) for sign in (-1, 1))
    finding: Finding = "slower" if low > 1 else "faster" if high < 1 else "not told apart"
    return FileChange(name=name, finding=finding, before_s=before_s, after_s=after_s, ratio=ratio, low=low, high=high)


def _median_s(one: Timed | None) -> float | None:
    if one is None:
        return None
    return median(one.seconds) if one.seconds else one.median_s


def _log_error(one: Timed) -> float:
    """Standard error of the log of a median within its process; 0 where too few rounds were kept to tell."""
    interval = median_interval(one.seconds) if one.seconds else None
    return 0.0 if interval is None else math.log(interval[1] / interval[0]) / (2 * NORMAL_95)
