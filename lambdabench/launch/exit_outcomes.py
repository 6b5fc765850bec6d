"""How a process ended that gave no answer, as an outcome."""

import dataclasses
import signal
from datetime import UTC, datetime
from pathlib import Path

from ..core import foreign
from ..core.record import Outcome
from ..core.row_flags import CROWDED, KILLED
from ..core.spec import Job
from ..core.statuses import Status
from ..machine import host
from .memory_watch import Witness, words

LAST_LINES = 3
CROWDED_SHARE = 0.4
"""Share of all memory under which a limit says more of other programs than of the case."""


def outcome_of(job: Job, status: Status, reason: str) -> Outcome:
    """An outcome without measurements, of now."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Outcome(job_id=job.job_id, status=status, reason=reason, started_at=now)


def lost(job: Job, code: int, log: Path) -> Outcome:
    """The outcome of a process that went without an answer, and was not killed."""
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return outcome_of(job, "crash", f"the worker ended with {how}{last_words(log)}")


def killed(job: Job, witness: Witness, peak_bytes: int, *, has_others: bool = False) -> Outcome:
    """The outcome of a process that was killed: only memory that is known to have run out is settled. `has_others`: other processes of
    the run held open cases then."""
    if proof := witness.proof(peak_bytes, job.memory_limit_bytes):
        return full(job, f"killed for want of memory: {proof}", witness.free_bytes)
    counts = "nothing here counts the kernel's kills" if witness.kills is None else "the kernel counts no kill"
    others = (
        ", and other processes of this run, which were open beside it, may have filled memory" if has_others else ""
    )
    reason = (
        f"killed from outside (SIGKILL), and nothing says that memory ran out: it held {words(peak_bytes)} of "
        f"{words(witness.free_bytes)} that were free, and {counts}{others}; see what ends processes here (a scheduler's limit, "
        "systemd-oomd, a person), then run again"
    )
    return dataclasses.replace(outcome_of(job, "crash", reason), flags=(KILLED,))


def full(job: Job, how: str, free_bytes: int) -> Outcome:
    """Out of memory; where others had most of it, that is no answer for good."""
    crowded = free_bytes < CROWDED_SHARE * host.allowed_bytes()
    mend = "others had most of the memory: close programs, then run again" if crowded else "try a smaller --batch-size"
    return dataclasses.replace(outcome_of(job, "oom", f"{how}; {mend}"), flags=(CROWDED,) if crowded else ())


def beside(crowd: str, outcome: Outcome) -> Outcome:
    """An outcome on a device of which others hold a part: out of memory there is no answer for good."""
    if outcome.status != "oom" or not crowd:
        return outcome
    reason = f"{outcome.reason}; {crowd}: run again when the device is free"
    return dataclasses.replace(outcome, reason=reason, flags=(*outcome.flags, CROWDED))


def last_words(log: Path) -> str:
    """ ": " and the last lines that a process wrote; empty where it wrote nothing."""
    said = foreign.last_words(log, LAST_LINES)
    return f": {said}" if said else ""
