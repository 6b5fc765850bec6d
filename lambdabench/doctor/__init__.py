"""Is this machine fit to measure, and what can it tell apart today? Every finding says what to mend."""

from .findings import Diagnosis, diagnose
from .trial_run import LIMIT_S, measured
from .verdict import verdict

__all__ = ["LIMIT_S", "Diagnosis", "diagnose", "measured", "verdict"]
