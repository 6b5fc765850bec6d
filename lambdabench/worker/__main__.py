"""`python -m lambdabench.worker run|probe|describe|convert FOLDER`: reads what is asked from the folder, writes what it found into it."""

import atexit
import dataclasses
import os
import sys
import threading
from pathlib import Path

from ..core import codec, sources
from ..core.ports import Workload
from ..core.spec import Case, Job
from ..models import create_workload
from . import leash
from .measure import measure
from .probe import describe, probe

SUSPECT = frozenset({"oom", "crash"})
"""After these the process's own state is in doubt: the jobs left go to a new one."""
LEASH = "LAMBDABENCH_LEASH"


def run(folder: Path) -> None:
    """Measures the jobs of `jobs.json` in turn, one outcome file each."""
    known: dict[str, str] = {}
    for job in codec.read(tuple[Job, ...], folder / "jobs.json"):
        (folder / f"{job.job_id}.started").touch()
        outcome = measure(job, lambda case, framework: _create(case, framework, known))
        found = sources.imported(job.case.model) | known
        codec.write(folder / f"{job.job_id}.json", dataclasses.replace(outcome, sources=tuple(found.items())))
        if outcome.status in SUSPECT:
            return


def _create(case: Case, framework: str, known: dict[str, str]) -> Workload:
    """The workload of a case. `known` takes the files that a user's network is imported from as they are then: they may change while
    it is measured, and are not imported again."""
    workload = create_workload(case, framework)
    known |= sources.first_seen(case.model, known, sources.imported(case.model))
    return workload


def main(arguments: list[str]) -> int:
    """Exit code 0 when all was written."""
    if len(arguments) != 2 or arguments[0] not in ("run", "probe", "describe", "convert"):
        sys.stderr.write("usage: python -m lambdabench.worker run|probe|describe|convert FOLDER\n")
        return 2
    if os.environ.get(LEASH):
        leash.follow_parent()
    folder = Path(arguments[1])
    if arguments[0] == "probe":
        probe(folder)
    elif arguments[0] == "describe":
        describe(folder)
    elif arguments[0] == "convert":
        from ..tasks import convert  # with its frameworks, which other work may not have

        convert.answer(folder)
    else:
        run(folder)
    return 0


def end(code: int) -> None:
    """Ends the process, for threads too that somebody's network has left running: nobody waits for those."""
    if any(one is not threading.main_thread() and not one.daemon for one in threading.enumerate()):
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
