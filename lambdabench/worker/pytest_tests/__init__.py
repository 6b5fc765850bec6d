"""A user's own pytest-benchmark tests in this process: of both versions (`both_sides`), or of one (`one_side`)."""

import importlib.util

NO_XDIST = ("-n", "0", "--dist", "no") if importlib.util.find_spec("xdist") else ()
"""One process is one: flags for pytest, whatever its project asks pytest-xdist for, in whose workers nothing is timed."""
