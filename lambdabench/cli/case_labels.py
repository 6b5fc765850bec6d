"""What tells one case from the others of its run, for lines about single cases, and what networks are fed."""

from collections.abc import Collection, Iterable

from ..commands.progress_line import OF_A_MODEL, teller
from ..core.spec import ModelFacts

__all__ = ["OF_A_MODEL", "fed_lines", "teller"]


def fed_lines(names: Collection[str], facts: Iterable[ModelFacts]) -> list[str]:
    """What users' own networks of these names are given, for one image, where that is not images alone."""
    return sorted({f"{fact.name} is fed {fact.fed}" for fact in facts if fact.fed and fact.name in names})
