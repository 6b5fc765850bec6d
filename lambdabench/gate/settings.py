"""`[tool.lambdabench.check]` of the checked repository's pyproject.toml: tolerances, and what is accepted, until when and why."""

import datetime
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..core.errors import SettingsError
from ..core.gate_protocol import Entry, Rules

TABLE = "tool.lambdabench.check"


def _share(value: Any) -> Any:
    """0.09, or "9 %"."""
    if isinstance(value, str) and value.strip().endswith("%"):
        return float(value.strip().removesuffix("%")) / 100
    return value


Share = Annotated[float, BeforeValidator(_share), Field(gt=0, lt=10)]
Ceiling = Annotated[float, BeforeValidator(_share), Field(gt=0, lt=1000)]


class _Exact(BaseModel):
    """Something said of one case, whose name is given in full."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    case: str

    @field_validator("case")
    @classmethod
    def _no_wildcards(cls, name: str) -> str:
        if set(name.partition("[")[0]) & set("*?"):  # what a test is given may hold them
            raise ValueError("expected the exact name of one case; wildcards would hide what nobody looked at")
        return name


class Waiver(_Exact):
    """One accepted fault of one case."""

    accept: Literal["slower", "outputs", "gone"] = "slower"
    ceiling: Ceiling | None = None
    """The largest slowdown that is accepted, as a share."""
    until: datetime.date
    """The last day on which it holds."""
    reason: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _has_ceiling(self) -> "Waiver":
        if self.accept == "slower" and self.ceiling is None:
            raise ValueError('ceiling is missing: the largest slowdown that is accepted, such as "9 %"')
        return self


class CaseSettings(_Exact):
    """What is different for one case."""

    tolerance: Share | None = None
    gated: bool = True


class Settings(BaseModel):
    """The whole table."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tolerance: Share = Rules().tolerance
    cap_s: Annotated[float, Field(gt=0)] = Rules().cap_s
    gated: bool = True
    case: tuple[CaseSettings, ...] = ()
    waiver: tuple[Waiver, ...] = ()

    def rules(self) -> Rules:
        """The rules of a case about which nothing is said."""
        return Rules(tolerance=self.tolerance, cap_s=self.cap_s)

    def reports_only(self) -> frozenset[str]:
        """Cases that never make a run red."""
        return frozenset(case_settings.case for case_settings in self.case if not case_settings.gated)

    def applied(self, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        """Entries with their own tolerances."""
        own = {
            case_settings.case: case_settings.tolerance
            for case_settings in self.case
            if case_settings.tolerance is not None
        }
        return tuple(
            Entry(label=entry.label, case=entry.case, rules=_with_tolerance(entry.rules, own[entry.label]))
            if entry.label in own
            else entry
            for entry in entries
        )

    def expired(self, today: datetime.date) -> tuple[Waiver, ...]:
        """Waivers whose last day is over."""
        return tuple(waiver for waiver in self.waiver if waiver.until < today)

    def strangers(self, labels: Sequence[str]) -> tuple[str, ...]:
        """Names in the table that no case has."""
        return tuple(
            case_settings.case for case_settings in (*self.case, *self.waiver) if case_settings.case not in labels
        )


def read(repository: Path) -> Settings:
    """The table of a repository, defaults where there is none. Raises SettingsError with all that is wrong."""
    path = repository / "pyproject.toml"
    if not path.is_file():
        return Settings()
    try:
        item: Any = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: no TOML: {error}; mend that line") from error
    for key in TABLE.split("."):
        item = item.get(key, {})
    try:
        return Settings.model_validate(item)
    except ValidationError as error:
        problems = [
            f"{path}: {TABLE}.{'.'.join(map(str, error_details['loc']))}: {error_details['msg'].removeprefix('Value error, ')}"
            for error_details in error.errors()
        ]
        raise SettingsError("\n".join(problems)) from error


def _with_tolerance(rules: Rules, tolerance: float) -> Rules:
    return Rules(tolerance=tolerance, cap_s=rules.cap_s, alpha=rules.alpha)
