"""Accepted slowdowns: exact, bounded, dated, with a reason; expired ones fail."""

import dataclasses
import datetime
from pathlib import Path

import pytest

from lambdabench.analysis.paired import Change
from lambdabench.core.errors import LambdabenchError, UnknownNameError
from lambdabench.gate import settings
from lambdabench.gate.verdicts import Verdict

TODAY = datetime.date(2026, 11, 25)
SLOWER = Verdict(
    name="a 56 train",
    finding="slower",
    reason="3/3 processes",
    change=Change(value=0.08, low=0.07, high=0.09, finding="slower", rounds=50),
)


def written(folder: Path, text: str) -> settings.Settings:
    (folder / "pyproject.toml").write_text(text)
    return settings.read(folder)


def waiver(ceiling: str = "9 %", until: str = "2026-12-31", case: str = "a 56 train") -> str:
    return (
        f'[[tool.lambdabench.waiver]]\ncase = "{case}"\nceiling = "{ceiling}"\nuntil = {until}\nreason = "exact now"\n'
    )


def test_a_waiver_holds_up_to_its_ceiling_and_says_why(tmp_path: Path) -> None:
    (one,) = settings.apply(written(tmp_path, waiver()), [SLOWER], TODAY)
    assert (one.finding, one.reason) == ("waived", "waived up to 9 % until 2026-12-31: exact now")
    (one,) = settings.apply(written(tmp_path, waiver("5 %")), [SLOWER], TODAY)
    assert one.finding == "slower"
    assert "beyond its waiver" in one.reason


def test_an_expired_one_is_red_whatever_was_measured(tmp_path: Path) -> None:
    same = dataclasses.replace(SLOWER, finding="same")
    (one,) = settings.apply(written(tmp_path, waiver(until="2026-11-24")), [same], TODAY)
    assert (one.finding, one.reason) == (
        "slower",
        "its waiver expired on 2026-11-24 (exact now): take it out or renew it",
    )


def test_other_cases_are_left_alone(tmp_path: Path) -> None:
    other = dataclasses.replace(SLOWER, name="b")
    assert settings.apply(written(tmp_path, waiver()), [other], TODAY) == (other,)
    assert settings.apply(settings.read(tmp_path / "nowhere"), [SLOWER], TODAY) == (SLOWER,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (waiver(case="a * train"), "tool.lambdabench.waiver.0.case: expected the exact name"),
        (waiver(ceiling="9"), "waiver.0.ceiling: expected a percentage in quotes"),
        (waiver().replace('"exact now"', '""'), "waiver.0.reason"),
        (waiver() + "why = 1\n", "waiver.0.why: Extra inputs"),
        ("[tool.lambdabench]\ngate = false\n", "tool.lambdabench.gate: Extra inputs"),
        ("[tool", "no TOML"),
    ],
)
def test_mistakes_say_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LambdabenchError, match=message):
        written(tmp_path, text)


def test_a_waiver_of_no_case_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'a 56 train'"):
        settings.check_names(written(tmp_path, waiver(case="a 56 trian")), {"a 56 train"})
    assert not written(tmp_path, "[tool.lambdabench]\ngated = false\n").gated
