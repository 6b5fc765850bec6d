"""Turns: in which order cases are visited, how often and how long. Pure."""

from .length import Schedule, has_clocks, schedule
from .order import in_turn, shares

__all__ = ["Schedule", "has_clocks", "in_turn", "schedule", "shares"]
