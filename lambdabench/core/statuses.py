"""What a row's status says: whether its number may be used, whether the case is tried again, what a run makes of it. Each is said once."""

from dataclasses import dataclass
from typing import Literal, get_args

Status = Literal["ok", "oom", "timeout", "crash", "unsupported", "mismatch", "wrong_output", "noisy", "skipped"]
STATUSES: tuple[str, ...] = get_args(Status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """One status. Each but `ok` has a reason in its row that a person can act on."""

    name: Status
    meaning: str
    is_usable: bool = False
    """Whether its numbers may be used."""
    is_failure: bool = False
    """Whether a run that has one ends with exit code 1."""
    is_settled: bool = False
    """Whether a later run of the same case does not try it again."""
    of_metrics: bool = False
    """Whether it is said of single metrics; any other that was tried is of the case as a whole."""


DESCRIBED = (
    Description(
        name="crash",
        meaning="The case raised an error, or its process ended, before there was an answer.",
        is_failure=True,
    ),
    Description(name="timeout", meaning="There was no answer in the time that a case may take.", is_failure=True),
    Description(
        name="oom", meaning="The case does not fit in the memory that there is.", is_failure=True, is_settled=True
    ),
    Description(
        name="mismatch",
        meaning="What ran is not what was asked: mode, device, dtype, layout, threads or another setting differs.",
        is_failure=True,
    ),
    Description(
        name="wrong_output",
        meaning="The network's answer is not finite, has a wrong shape, or is not computed in every call.",
        is_failure=True,
    ),
    Description(
        name="noisy",
        meaning="Its times are no number of the case: others had the CPU, or it takes another time in each call or process.",
        of_metrics=True,
    ),
    Description(
        name="unsupported",
        meaning="The backend, the device or the network cannot do what is asked.",
        is_settled=True,
        of_metrics=True,
    ),
    Description(name="ok", meaning="Measured.", is_usable=True, is_settled=True, of_metrics=True),
    Description(
        name="skipped",
        meaning="It was not tried: there is no such device here, no time was left, or the test skips itself.",
    ),
)
"""The worst first: what a case is whose processes differ. Skipped last: a process that a budget left out takes nothing from one that
ran."""
WORST_FIRST: tuple[str, ...] = tuple(description.name for description in DESCRIBED)
USABLE = frozenset(description.name for description in DESCRIBED if description.is_usable)
FAILED = frozenset(description.name for description in DESCRIBED if description.is_failure)
SETTLED = frozenset(description.name for description in DESCRIBED if description.is_settled)
OF_METRICS = tuple(description.name for description in DESCRIBED if description.of_metrics)


def listed() -> list[dict[str, str]]:
    """A mapping a status, as `lambdabench list` prints them."""
    return [
        {
            "status": description.name,
            "exit code": "1" if description.is_failure else "",
            "a later run": "keeps it" if description.is_settled else "tries again",
            "what": description.meaning,
        }
        for description in sorted(DESCRIBED, key=lambda status: STATUSES.index(status.name))
    ]
