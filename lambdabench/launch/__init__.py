"""Processes of the worker program: how they are started and asked, and what their end means."""

from .convert import convert
from .evaluate import evaluate
from .hands import Crew, Key
from .probe import probe
from .starting import worker_environment

__all__ = ["Crew", "Key", "convert", "evaluate", "probe", "worker_environment"]
