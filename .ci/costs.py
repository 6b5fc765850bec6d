"""Compiles the ways to apply lambdas for a machine that is not here and writes what the compiler's cost model says of them into
lambdabench/facts/kernel_times.csv.

`python .ci/costs.py v5e-8 --direction backward --minutes 30 --limit 600`: a kernel that was begun is ended, and has no row where it did not
compile; those with a row are left as they are. Backward only where forward is known.
"""

import argparse
import itertools
import math
import sys
import time

from lambdabench.core.ahead import CostAhead
from lambdabench.core.kernel_times import KernelTime
from lambdabench.core.targets import Target, target_of
from lambdabench.facts import kernel_times as facts
from lambdabench.launch import ahead
from lambdabench.tasks.ahead import costs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=target_of)
    parser.add_argument("--direction", choices=costs.DIRECTIONS, default="forward")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--limit", type=float, default=600.0, help="seconds of one compilation")
    asked = parser.parse_args()
    end_s = time.monotonic() + 60 * asked.minutes
    for stage, kernel in itertools.product(costs.STAGES, costs.KERNELS):
        times = facts.shipped()
        known = {
            time_.direction
            for time_ in times
            if (time_.kind, time_.stage, time_.kernel) == (asked.target.title, stage, kernel)
        }
        is_hidden = asked.direction == "backward" and "forward" not in known
        if asked.direction in known or is_hidden or time.monotonic() > end_s:
            continue
        wanted = CostAhead(target=asked.target, stage=stage, kernel=kernel, direction=asked.direction)
        found = ahead.cost_of(wanted, limit_s=asked.limit)
        if isinstance(found, KernelTime) and math.isfinite(found.seconds):
            write((*times, found), asked.target)
        text = found if isinstance(found, str) else f"{found.seconds:.4g} s by its cost model"
        sys.stdout.write(f"{stage.side} x {stage.side}, scope {stage.scope}, {kernel}, {asked.direction}: {text}\n")
        sys.stdout.flush()
    return 0


def write(times: tuple[KernelTime, ...], target: Target) -> None:
    """The file, with these times and where the target's come from."""
    others = [source for source in facts.sources() if not source.startswith(f"{target.title}:")]
    ordered = sorted(
        times,
        key=lambda item: (item.kind, item.stage.side, item.stage.scope, item.direction != "forward", item.seconds),
    )
    facts.FILE.write_text(facts.table(ordered, sorted((*others, costs.source_of(target)))), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
