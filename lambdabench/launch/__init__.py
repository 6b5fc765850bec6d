"""Jobs to worker processes to outcomes. A crash, a timeout, a process out of memory are outcomes too."""

from .convert import convert
from .local import Finished, Running, Started, run, worker_environment
from .probe import probe

__all__ = ["Finished", "Running", "Started", "convert", "probe", "run", "worker_environment"]
