"""Two files of pytest-benchmark's beside each other, with how little two processes can tell: what all benchmarks share is no
change of each, and the more there are, the more it takes."""

import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..analysis.estimate import median, median_interval
from ..analysis.stored_runs import Own, own_changes
from ..core.errors import NotComparableError
from .rows import Timed
from .saved_file import differences, read_json

NORMAL_95 = 1.96
NORMAL_IQR = 1.349
"""Between the quartiles of a normal distribution, in standard deviations."""
MEDIAN_ERROR = math.sqrt(math.pi / 2)
"""Of a median, over the mean's."""
Change = Literal["slower", "faster", "not told apart", "new", "gone", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One benchmark: median seconds of a call before and after and their ratio; `own`: the ratio over what all benchmarks of the
    two files share, with its interval between processes, at the level that so many benchmarks leave it."""

    name: str
    finding: Change
    before_s: float | None = None
    after_s: float | None = None
    ratio: float | None = None
    own: float | None = None
    low: float | None = None
    high: float | None = None


def compare_files(before: Path, after: Path) -> tuple[FileChange, ...]:
    """Every benchmark of either file, in the order of the newer one. Raises SavedFileError; NotComparableError for two machines."""
    files = read_json(before), read_json(after)
    if apart := differences(*files):
        raise NotComparableError(
            f"{before} and {after} are of two machines or Pythons and are not comparable: {'; '.join(apart)}; give two files of one machine"
        )
    old, new = ({timed.name: timed for timed in file.timed} for file in files)
    names = dict.fromkeys([*new, *old])
    both = [name for name in names if name in old and name in new and _ratio(old[name], new[name])]
    logs = [math.log(_ratio(old[name], new[name])) for name in both]
    _, own = own_changes(logs, [math.hypot(_log_error(old[name]), _log_error(new[name])) for name in both])
    changes = dict(zip(both, own, strict=True))
    return tuple(_change(name, old.get(name), new.get(name), changes.get(name)) for name in names)


def _change(name: str, old: Timed | None, new: Timed | None, own: Own | None) -> FileChange:
    before_s, after_s = _median_s(old), _median_s(new)
    if old is None or new is None:
        return FileChange(name=name, finding="gone" if new is None else "new", before_s=before_s, after_s=after_s)
    if own is None:
        return FileChange(name=name, finding="failed", before_s=before_s, after_s=after_s)
    finding: Change = "not told apart" if not own.told else "slower" if own.log > 0 else "faster"
    return FileChange(
        name=name,
        finding=finding,
        before_s=before_s,
        after_s=after_s,
        ratio=_ratio(old, new),
        own=math.exp(own.log),
        low=math.exp(own.low),
        high=math.exp(own.high),
    )


def _ratio(old: Timed, new: Timed) -> float:
    """Of medians; 0 where a side has none."""
    before_s, after_s = _median_s(old), _median_s(new)
    return after_s / before_s if before_s and after_s else 0.0


def _median_s(timed: Timed | None) -> float | None:
    if timed is None:
        return None
    return median(timed.seconds) if timed.seconds else timed.median_s


def _log_error(timed: Timed) -> float:
    """Standard error of the log of a median within its process; 0 where nothing is known of its rounds."""
    if interval := median_interval(timed.seconds) if timed.seconds else None:
        return math.log(interval[1] / interval[0]) / (2 * NORMAL_95)
    if len(timed.seconds) > 1:
        return MEDIAN_ERROR * statistics.stdev(map(math.log, timed.seconds)) / math.sqrt(len(timed.seconds))
    spread_s = 0.0 if timed.iqr_s is None or len(timed.seconds) else timed.iqr_s / NORMAL_IQR
    return MEDIAN_ERROR * spread_s / (timed.median_s or 1.0) / math.sqrt(max(timed.rounds, 1))
