"""A case that is opened, visited and closed in this process: `python staying.py FOLDER` reads job.json there and writes outcome.json,
and says which frameworks it has loaded."""

import dataclasses
import sys
from pathlib import Path

from lambdabench.conduct import visited_outcome
from lambdabench.conduct.case_state import Stay
from lambdabench.core import codec
from lambdabench.core.record import Outcome
from lambdabench.core.spec import Job
from lambdabench.core.visit_protocol import Asked, Length
from lambdabench.models import create_workload
from lambdabench.worker.open_cases import CreateWorkload, OpenCases

LENGTH = Length(timed_s=0.1, cold_s=0.01, least=2, most=50)


def stayed(job: Job, create: CreateWorkload = create_workload, visits: int = 2, length: Length = LENGTH) -> Outcome:
    """What the case comes to after so many visits; the outcome with which it failed where it did."""
    held = OpenCases(create)
    opened = held.answer(Asked(what="open", job_id=job.job_id, job=job))
    assert opened.outcome is not None
    if opened.outcome.status != "ok":
        return opened.outcome
    stay = Stay(job=job, opened=opened.outcome)
    for number in range(visits if opened.step_s else 0):
        answered = held.answer(Asked(what="visit", job_id=job.job_id, round=number, length=length))
        if answered.visit is None:
            assert answered.outcome is not None
            return answered.outcome
        stay.visits.append(answered.visit)
    closed = held.answer(Asked(what="close", job_id=job.job_id)).outcome
    assert closed is not None
    if closed.status != "ok":
        return closed
    stay.opened = dataclasses.replace(closed, measurements=opened.outcome.measurements)
    return visited_outcome(stay)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    codec.write(folder / "outcome.json", stayed(codec.read(Job, folder / "job.json")))
    print(sorted({"torch", "jax", "timm"} & set(sys.modules)))
