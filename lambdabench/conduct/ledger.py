"""A run's rows: of each case and process the newest, written so often that a run which is killed loses little more than a visit."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import store
from ..core.record import Outcome, Record, records_of
from ..core.row_flags import CONTENDED, UNFINISHED
from ..core.spec import Job
from .case_state import CaseState
from .outcomes import starved, visited_outcome
from .rounds import Turn

SHARE = 0.1
"""Most of a run's time that writing may take: with many rows not every visit is written at once."""


class Ledger:
    """Rows by case and process. `describe` says of a job and its outcome what the rows of it hold beside."""

    def __init__(
        self,
        path: Path,
        describe: Callable[[Job, Outcome], Mapping[str, Any]],
        *,
        first: Sequence[Record] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._describe, self._clock = path, describe, clock
        self._first = tuple(first)
        self._rows: dict[tuple[str, int], tuple[Record, ...]] = {}
        self._written_s, self._cost_s, self._is_written = clock(), 0.0, True
        self._outcomes: dict[str, tuple[Job, Outcome]] = {}
        if first:
            self.write()

    def take(self, turn: Turn) -> None:
        """Notes what a turn has changed, and writes it where that costs little."""
        if turn.opening or turn.training[0]:
            return
        for job, outcome in outcomes_of(turn.standing):
            key = (job.case_id, job.replicate)
            self._outcomes[job.job_id] = job, outcome
            self._rows[key] = records_of(outcome, **self._describe(job, outcome))
        self._is_written = False
        if self._clock() - self._written_s >= self._cost_s / SHARE:
            self.write()

    def write(self) -> None:
        """Writes all rows so far, where there is something new."""
        begun_s = self._clock()
        if records := self.records():
            store.write(records, self._path)
        self._written_s, self._is_written = self._clock(), True
        self._cost_s = self._written_s - begun_s

    def outcomes(self) -> tuple[tuple[Job, Outcome], ...]:
        """What each case in each process came to so far."""
        return tuple(self._outcomes.values())

    def records(self) -> tuple[Record, ...]:
        """All rows so far; of what was skipped, those that did not run after all."""
        skipped = (record for record in self._first if (record.case_id, record.replicate) not in self._rows)
        return (*skipped, *(row for rows in self._rows.values() for row in rows))


def outcomes_of(standing: CaseState) -> list[tuple[Job, Outcome]]:
    """What a case's processes came to so far, each with its job. The last one has the status in which the case ended; a case without
    a visit has one outcome all the same."""
    why, is_contended = starved(standing.stays)
    result = [(stay.job, _with_noise(visited_outcome(stay), why, is_contended)) for stay in standing.stays]
    trained = [] if standing.trained is None else [(standing.trained.job, standing.trained.opened)]
    ended = standing.ended
    if ended is not None:
        if trained and trained[0][1] is ended:
            pass
        elif result and result[-1][0].job_id == ended.job_id:
            job, last = result.pop()
            result.append((job, dataclasses.replace(last, status=ended.status, reason=ended.reason)))
        else:
            result.append((dataclasses.replace(standing.next_job(), job_id=ended.job_id), ended))
    elif not standing.is_done:
        result = [(job, dataclasses.replace(outcome, flags=(*outcome.flags, UNFINISHED))) for job, outcome in result]
    return [*trained, *result]


def _with_noise(outcome: Outcome, why: str, is_contended: bool) -> Outcome:
    """An outcome whose times are no number where its case had hardly a CPU; `why` is empty where it had."""
    flags = (*outcome.flags, CONTENDED) if is_contended and outcome.visits else outcome.flags
    if not why or not outcome.visits:
        return dataclasses.replace(outcome, flags=flags)
    return dataclasses.replace(outcome, status="noisy", reason=why, flags=flags)
