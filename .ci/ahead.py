"""Compiles each case of a suite for a machine that is not here and writes what the compiler says into lambdabench/facts/ahead.csv.

`python .ci/ahead.py imagenet-tpu v5e-8 --models 'resnet50*' --minutes 30 --limit 600`: a case that was begun is ended; those with a row of
the same libtpu are left as they are, unless --fresh.
"""

import argparse
import fnmatch
import sys
import time
from importlib.metadata import version

from lambdabench import commands
from lambdabench.commands import for_target as ahead
from lambdabench.core.targets import target_of
from lambdabench.facts import ahead as facts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite")
    parser.add_argument("target", type=target_of)
    parser.add_argument("--models", default="*")
    parser.add_argument("--mode", default="*")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--limit", type=float, default=ahead.LIMIT_S, help="seconds of one compilation")
    parser.add_argument("--fresh", action="store_true")
    asked = parser.parse_args()
    request = commands.RunRequest(suite=asked.suite, target=asked.target.name, dry_run=True, fresh=True)
    cases = [job.case for job in commands.prepare(request).plan.jobs]
    cases = [
        case
        for case in cases
        if fnmatch.fnmatchcase(case.model, asked.models) and fnmatch.fnmatchcase(case.mode, asked.mode)
    ]
    end_s = time.monotonic() + 60 * asked.minutes
    for case in cases:
        rows = facts.read(facts.FILE)
        known = facts.find(rows, asked.target.name, case)
        is_done = known is not None and known.libtpu == version("libtpu") and not asked.fresh
        if is_done or time.monotonic() > end_s:
            continue
        for row in ahead.compile_cases(asked.target, [case], limit_s=asked.limit):
            facts.FILE.write_text(facts.text_of(facts.joined(rows, [row])), encoding="utf-8")
            sys.stdout.write(
                f"{row.model} {row.mode} {row.dtype} {row.image_px} {row.options}: {row.status} {row.fits} {row.reason} {row.seconds} s\n"
            )
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
