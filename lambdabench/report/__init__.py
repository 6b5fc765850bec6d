"""Rows to a page that a person reads: tables, conditions, origins, holes."""

from .markdown import write
from .notes import notes

__all__ = ["notes", "write"]
