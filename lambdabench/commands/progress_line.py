"""What a run does now, in a line that tells its case from all others."""

from collections.abc import Callable, Sequence
from typing import Any

from ..conduct import Progress, Turn
from ..core import fields
from ..core.record import TRAINED
from ..core.spec import Case
from ..core.units import format_duration, format_value

OF_A_MODEL = (fields.NAMED["image_px"],)
Teller = Callable[[Case], str]


def teller(cases: Sequence[Case]) -> Teller:
    """What tells a case from others behind its model and batch, in brackets; "" for nothing."""
    tell = fields.teller([_as_row(case) for case in cases], of_model=OF_A_MODEL)

    def words(case: Case) -> str:
        text = tell(_as_row(case))
        return f" ({text})" if text else ""

    return words


def _as_row(case: Case) -> dict[str, Any]:
    return {name: getattr(case, name) for name in Case.__slots__}


def progress_line(step: Progress, text: Teller) -> str:
    """What a run does now: "12/36 visits · round 2 · resnet50 b=4 · about 1 min 05 s left"."""
    turn = step.turn
    name = case_name(turn.job.case, text)
    visits = (
        f"{step.visits} visits · going on: {turn.lacking}" if turn.lacking else f"{step.visits}/{step.total} visits"
    )
    if turn.training[0]:
        return f"training {name}, {turn.training[0]} of {turn.training[1]}"
    if is_trained(turn):
        return f"trained {name}{_accuracy(turn)}"
    if turn.opening:
        process = f", process {turn.job.replicate + 1}" if turn.job.replicate else ""
        return f"{visits} · opening {name}{process}"
    left = f" · about {format_duration(turn.left_s)} left" if turn.left_s and not turn.lacking else ""
    return f"{visits} · round {turn.round} · {name}{left}"


def is_trained(turn: Turn) -> bool:
    """Whether a case has just had the last of its trainings."""
    return turn.job.replicate == TRAINED and not turn.training[0] and turn.ended is None


def _accuracy(turn: Turn) -> str:
    """What its trainings came to."""
    trained = turn.standing.trained
    functions = () if trained is None else trained.opened.measurements
    return "".join(
        f": top-1 {format_value(measurement.value, measurement.unit, measurement.low, measurement.high)}"
        for measurement in functions
    )


def case_name(case: Case, text: Teller) -> str:
    """A case in a line: its model, its batch, and what tells it from others."""
    return f"{case.model} b={case.batch_size}{text(case)}"
