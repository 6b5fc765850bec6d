"""What a project says of its gate in pyproject.toml: slowdowns that it accepts, each with its case, ceiling, last day and reason."""

import dataclasses
import datetime
import re
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from ..core import registry
from ..core.errors import LambdabenchError
from .verdicts import Verdict

WILD = re.compile(r"[*?\[\]]")


def _exact(name: str) -> str:
    if WILD.search(name):
        raise ValueError("expected the exact name of one case: a wildcard would hide what nobody has looked at")
    return name


def _share(value: object) -> object:
    """0.09 of "9 %"."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value) if isinstance(value, str) else None
    if not found:
        raise ValueError('expected a percentage in quotes: ceiling = "9 %"')
    return float(found[1]) / 100


class Waiver(BaseModel):
    """An accepted slowdown."""

    model_config = ConfigDict(extra="forbid")
    case: Annotated[str, AfterValidator(_exact)]
    ceiling: Annotated[float, BeforeValidator(_share)]
    until: datetime.date
    reason: Annotated[str, Field(min_length=1)]


class Settings(BaseModel):
    """The table [tool.lambdabench]."""

    model_config = ConfigDict(extra="forbid")
    gated: bool = True
    """Whether a slower case fails; otherwise it is reported only."""
    waiver: list[Waiver] = []


def read(project: Path) -> Settings:
    """The settings of a folder's pyproject.toml; none without one. Raises LambdabenchError with every problem."""
    path = project / "pyproject.toml"
    if not path.is_file():
        return Settings()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("lambdabench", {})
        return Settings.model_validate(table)
    except tomllib.TOMLDecodeError as error:
        raise LambdabenchError(f"{path}: no TOML: {error}") from error
    except ValidationError as error:
        problems = [
            f"{path}: tool.lambdabench.{'.'.join(map(str, one['loc']))}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        ]
        raise LambdabenchError("\n".join(problems)) from error


def check_names(settings: Settings, known: Collection[str]) -> None:
    """Raises UnknownNameError for a waiver of a case that does not exist: it would wait for a name that never comes."""
    for one in settings.waiver:
        if one.case not in known:
            raise registry.unknown("case of a waiver", one.case, known)


def apply(settings: Settings, verdicts: Sequence[Verdict], today: datetime.date) -> tuple[Verdict, ...]:
    """The verdicts with slower cases waived where a waiver holds; an expired one is slower whatever was measured."""
    waivers = {one.case: one for one in settings.waiver}
    return tuple(_applied(one, waivers[one.name], today) if one.name in waivers else one for one in verdicts)


def _applied(verdict: Verdict, waiver: Waiver, today: datetime.date) -> Verdict:
    if today > waiver.until:
        said = f"its waiver expired on {waiver.until} ({waiver.reason}): take it out or renew it"
        return dataclasses.replace(verdict, finding="slower", reason=said)
    if verdict.finding != "slower" or verdict.change is None:
        return verdict
    until = f"up to {100 * waiver.ceiling:g} % until {waiver.until}: {waiver.reason}"
    if verdict.change.value > waiver.ceiling:
        return dataclasses.replace(verdict, reason=f"{verdict.reason}; beyond its waiver ({until})")
    return dataclasses.replace(verdict, finding="waived", reason=f"waived {until}")
