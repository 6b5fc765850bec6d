"""On PYTHONPATH: every process behaves as if the packages of LAMBDABENCH_ABSENT (comma-separated) were not installed."""

import os
from importlib.machinery import PathFinder

ABSENT = frozenset(filter(None, os.environ.get("LAMBDABENCH_ABSENT", "").split(",")))
_find = PathFinder.find_spec


def _without(fullname, path=None, target=None):
    return None if fullname.partition(".")[0] in ABSENT else _find(fullname, path, target)


PathFinder.find_spec = _without
