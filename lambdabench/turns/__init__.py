"""Turns: in which order cases are visited, how often and how long. Pure."""

from .length import TAIL_S, Schedule, has_clocks, schedule
from .order import in_turn, shares

__all__ = ["TAIL_S", "Schedule", "has_clocks", "in_turn", "schedule", "shares"]
