"""One process is one: flags for pytest, whatever its project asks pytest-xdist for, in whose workers nothing is timed."""

import importlib.util

ALONE = ("-n", "0", "--dist", "no") if importlib.util.find_spec("xdist") else ()
