"""Turns, of a run's cases and of the gate's two sides alike: in which order (`visit_order`), how often and how long
(`visit_schedule`, `sequential_stopping`), by which clock (`clocks`), and what turns of two sides tell (`side_comparison`,
`reallocations`)."""

from .visit_order import in_turn, shares
from .visit_schedule import TAIL_S, Schedule, has_clocks, schedule

__all__ = ["TAIL_S", "Schedule", "has_clocks", "in_turn", "schedule", "shares"]
