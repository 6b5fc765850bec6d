#!/usr/bin/env python3
"""Writes tests/slow.txt, the tests that `-m "not slow"` leaves out, of what a whole run of the tests printed:

.venv/bin/pytest -n auto --maxprocesses 4 --dist worksteal --durations=0 --durations-min=0.1 > log; .venv/bin/python .ci/slow_tests.py log
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

SLOW = Path(__file__).parents[1] / "tests" / "slow.txt"
LINE = re.compile(r"^(\d+\.\d+)s (?:call|setup|teardown) +(tests/\S+?::[^\[\s]+)")
LEAST_S = 1.5
"""Of all cases of a test together, what it sets up included."""


def main(log: Path) -> None:
    """Adds up the seconds of each test's cases and phases, and writes those that took long."""
    seconds: dict[str, float] = defaultdict(float)
    for line in log.read_text(encoding="utf-8").splitlines():
        if match := LINE.match(line):
            seconds[match[2]] += float(match[1])
    slow = sorted(name for name, total in seconds.items() if total >= LEAST_S)
    if not slow:
        raise SystemExit(f"{log} names no duration of {LEAST_S} s and more: run pytest with --durations=0")
    SLOW.write_text("".join(f"{name}\n" for name in slow), encoding="utf-8")
    print(
        f"{len(slow)} of {len(seconds)} tests, {sum(seconds[name] for name in slow):.0f} of {sum(seconds.values()):.0f} s"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
