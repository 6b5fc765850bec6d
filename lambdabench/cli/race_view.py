"""What `run --find-front` prints beside what every run does: who races, how far it came, what it may have missed."""

import pandas as pd
from rich.console import Console

from ..commands import Prepared, RaceResult
from ..commands._candidates import Starters
from ..core import foreign
from ..core.units import format_duration

SHOWN = 0.05
"""Dominated networks have no line: those that are less probably on the front."""


def print_starters(console: Console, starters: Starters, prepared: Prepared, as_json: bool) -> None:
    """The candidates of a race, the tables that are its prior, and about how long it takes."""
    names = [f"{candidate.architecture}@{candidate.image_px}" for candidate in starters.candidates]
    seconds = prepared.plan.estimate_s
    if as_json:
        console.print_json(data={"candidates": names, "prior": list(starters.sources), "estimate_s": seconds})
        return
    console.print(foreign.plain(", ".join(names)), soft_wrap=True)
    console.print(f"prior: published speeds of {', '.join(starters.sources)}", soft_wrap=True)
    console.print(
        f"{len(names)} candidates race by {starters.axis}, {len(prepared.plan.kept)} already measured; about "
        f"{format_duration(seconds)} if a quarter of them must be measured",
        soft_wrap=True,
    )


def is_shown(cases: pd.DataFrame, race: RaceResult | None) -> pd.DataFrame:
    """The cases that have a line in the closing table: of a race those that are on the front, or may be."""
    if race is None or cases.get("on_front") is None or cases["on_front"].isna().all():
        return cases
    share = pd.to_numeric(cases["membership"], errors="coerce").fillna(0.0)
    return cases[cases["on_front"].eq(True) | (share > SHOWN)]


def measured_phrase(race: RaceResult) -> str:
    """ "31 of 180 candidates measured"."""
    failed = f", {race.failed} without a number" if race.failed else ""
    return f"{race.measured} of {race.candidates} candidates measured{failed}"


def print_race(console: Console, race: RaceResult, *, is_ranked: bool) -> None:
    """How many are on the front, what is still to be found, and whether the race is over."""
    left = race.candidates - race.measured - race.failed
    if is_ranked and race.measured:
        beaten = race.measured - race.front
        console.print(
            f"front by {race.axis}: {race.front} networks; {beaten} that were measured are beaten. Expected still to be found among "
            f"{left} not measured: {race.expected:.1f} (prior: {', '.join(race.sources)})",
            soft_wrap=True,
        )
    if is_ranked and race.likely:
        named = ", ".join(f"{likely.model}@{likely.image_px} {100 * likely.chance:.0f} %" for likely in race.likely)
        console.print(f"likeliest of those not measured: {foreign.plain(named)}", soft_wrap=True)
    if not race.is_over:
        console.print("! the race is not over: the same command goes on", soft_wrap=True)
    elif race.in_question:
        console.print(
            f"{race.in_question} that were measured may or may not be on the front: the same command measures them again",
            soft_wrap=True,
        )
