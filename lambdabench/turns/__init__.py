"""Turns, of a run's cases and of the gate's two sides alike: in which order (`order`), how often and how long (`length`, `looks`), by
which clock (`clocks`), and what turns of two sides tell (`sides`, `builds`)."""

from .visit_order import in_turn, shares
from .visit_schedule import TAIL_S, Schedule, has_clocks, schedule

__all__ = ["TAIL_S", "Schedule", "has_clocks", "in_turn", "schedule", "shares"]
