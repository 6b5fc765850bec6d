"""What this process has used so far, as its system counts it; where one does not, its CPU time alone."""

import sys
import time
from dataclasses import dataclass

try:
    import resource
except ImportError:  # Windows has none
    resource = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of all threads since the process began; 0 of what nobody counts."""

    cpu_s: float
    faults: int = 0
    """Pages that were found without reading a disk."""
    switches: int = 0
    """Involuntary context switches."""
    waits: int = 0
    """Voluntary ones."""
    peak_bytes: int = 0
    """Resident memory at its peak."""


def usage() -> Usage:
    """Now."""
    if resource is None:
        return Usage(cpu_s=time.process_time())
    counted = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(
        cpu_s=counted.ru_utime + counted.ru_stime,
        faults=counted.ru_minflt,
        switches=counted.ru_nivcsw,
        waits=counted.ru_nvcsw,
        peak_bytes=counted.ru_maxrss * (1 if sys.platform == "darwin" else 1024),  # macOS counts bytes, Linux KiB
    )
