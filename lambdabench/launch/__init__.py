"""Processes of the worker program: how they are started and asked, and what their end means."""

from .convert import convert
from .evaluate import evaluate
from .probe import probe
from .process_start import worker_environment
from .workers import Key, WorkerPool

__all__ = ["Key", "WorkerPool", "convert", "evaluate", "probe", "worker_environment"]
