"""What tells one case from the others of its run, for lines about single cases, and what networks are fed."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from ..core import fields
from ..core.spec import Case, ModelFacts

OF_A_MODEL = (fields.NAMED["image_px"],)


def teller(cases: Sequence[Case]) -> Callable[[Case], str]:
    """What tells a case from others behind its model and batch, in brackets; "" for nothing."""
    tell = fields.teller([_as_row(case) for case in cases], of_model=OF_A_MODEL)

    def told(case: Case) -> str:
        text = tell(_as_row(case))
        return f" ({text})" if text else ""

    return told


def fed_lines(names: Collection[str], facts: Iterable[ModelFacts]) -> list[str]:
    """What users' own networks of these names are given, for one image, where that is not images alone."""
    return sorted({f"{fact.name} is fed {fact.fed}" for fact in facts if fact.fed and fact.name in names})


def _as_row(case: Case) -> dict[str, Any]:
    return {name: getattr(case, name) for name in Case.__slots__}
