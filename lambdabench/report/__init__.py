"""Rows to a page that a person reads: tables, conditions, origins, holes."""

from .markdown import write
from .notes import curve_notes, notes, tail_notes

__all__ = ["curve_notes", "notes", "tail_notes", "write"]
