"""Tolerances and waivers as data: what is accepted, how long, and what is refused in their writing."""

import datetime
from pathlib import Path

import pytest

from lambdabench.core.errors import LambdabenchError
from lambdabench.core.gate_protocol import Controls, Entry, PairOutcome, Rules, Verdict
from lambdabench.core.spec import Case
from lambdabench.gate import settings, waivers
from lambdabench.gate.result import Line, LineStatus, Result

DAY = datetime.date(2026, 5, 4)
WAIVER = """
[[tool.lambdabench.check.waiver]]
case = "a 8x8 inference"
ceiling = "9 %"
until = 2026-05-04
reason = "wider tables, issue 12"
"""


def verdict(ratio: float, finding: str = "slower") -> Verdict:
    return Verdict(ratio=ratio, low=ratio - 0.01, high=ratio + 0.01, tolerance=0.02, finding=finding)  # pyright: ignore[reportArgumentType]


def line(status: LineStatus = "slower", ratio: float = 1.05, label: str = "a 8x8 inference", trouble: str = "") -> Line:
    outcome = PairOutcome(label=label, trouble=trouble)  # pyright: ignore[reportArgumentType]
    return Line(label=label, status=status, outcomes=(outcome,), verdict=None if trouble else verdict(ratio))


def repeated(*troubles: str) -> Line:
    """A case of several pairs of processes, not all with the same trouble."""
    outcomes = tuple(PairOutcome(label="a", trouble=trouble) for trouble in troubles)  # pyright: ignore[reportArgumentType]
    return Line(label="a 8x8 inference", status="failed", outcomes=outcomes)


def read(folder: Path, text: str) -> settings.Settings:
    (folder / "pyproject.toml").write_text(text)
    return settings.read(folder)


def result(lines: tuple[Line, ...], expired: tuple[str, ...] = ()) -> Result:
    held = Controls(label="a", same=verdict(1.0, "same"), canary=verdict(1.1))
    return Result(title="t", lines=lines, controls=held, seconds=1.0, expired=expired)


def test_nothing_said_is_the_default(tmp_path: Path) -> None:
    assert settings.read(tmp_path) == settings.Settings()
    assert read(tmp_path, "[project]\nname = 'x'").rules() == Rules()


def test_a_waiver_accepts_up_to_its_ceiling_and_is_told(tmp_path: Path) -> None:
    outcome = read(tmp_path, WAIVER)
    (waived,), notes = waivers.apply([line()], outcome, DAY)
    assert waived.status == "waived"
    assert notes == ("waived  a 8x8 inference: slower up to 9.0% until 2026-05-04, wider tables, issue 12",)
    assert result((waived,)).exit_code == 0
    (over,), notes = waivers.apply([line(ratio=1.1)], outcome, DAY)
    assert (over.status, notes) == ("slower", ())
    (other,), _ = waivers.apply([line(label="a 8x8 train")], outcome, DAY)
    assert other.status == "slower"


def test_an_expired_waiver_accepts_nothing_and_is_red_by_itself(tmp_path: Path) -> None:
    outcome, tomorrow = read(tmp_path, WAIVER), DAY + datetime.timedelta(days=1)
    (kept,), _ = waivers.apply([line()], outcome, tomorrow)
    assert kept.status == "slower"
    names = waivers.expired(outcome, tomorrow)
    assert names[0].startswith("expired waiver of a 8x8 inference: slower up to 9.0%")
    assert waivers.expired(outcome, DAY) == ()
    assert result((line("same", 1.0),), names).exit_code == 1


def test_changed_outputs_and_lost_cases_can_be_accepted(tmp_path: Path) -> None:
    text = WAIVER.replace('ceiling = "9 %"', 'accept = "outputs"')
    (waived,), _ = waivers.apply([line("failed", trouble="outputs")], read(tmp_path, text), DAY)
    (crash,), _ = waivers.apply([line("failed", trouble="head")], read(tmp_path, text), DAY)
    assert (waived.status, crash.status) == ("waived", "failed")
    (later,), _ = waivers.apply([repeated("head", "outputs")], read(tmp_path, text), DAY)
    (never,), notes = waivers.apply([Line(label="a 8x8 inference", status="failed")], read(tmp_path, text), DAY)
    assert (later.status, never.status, notes) == ("failed", "failed", ()), "a test that was not reached has no outcome"
    (second,), _ = waivers.apply([repeated("", "outputs")], read(tmp_path, text), DAY)
    assert second.status == "waived"
    (gone,), _ = waivers.apply(
        [Line(label="a 8x8 inference", status="gone")], read(tmp_path, text.replace("outputs", "gone")), DAY
    )
    assert gone.status == "waived"


def test_a_tests_own_name_may_hold_what_elsewhere_is_a_wildcard(tmp_path: Path) -> None:
    outcome = read(tmp_path, WAIVER.replace("a 8x8 inference", "b.py::test_v[a*b?]"))
    assert outcome.waiver[0].case == "b.py::test_v[a*b?]"


def test_what_is_not_gated_is_reported(tmp_path: Path) -> None:
    (all_free,), _ = waivers.apply([line()], read(tmp_path, "[tool.lambdabench.check]\ngated = false"), DAY)
    name = '[[tool.lambdabench.check.case]]\ncase = "a 8x8 inference"\ngated = false\ntolerance = 0.05'
    outcome = read(tmp_path, name)
    (free, other), _ = waivers.apply([line(), line(label="b")], outcome, DAY)
    assert [all_free.status, free.status, other.status] == ["reported", "reported", "slower"]
    assert result((free,)).exit_code == 0
    entries = outcome.applied([Entry(label=label, case=Case(model="a")) for label in ("a 8x8 inference", "b")])
    assert [entry.rules.tolerance for entry in entries] == [0.05, 0.02]
    assert outcome.strangers(["b"]) == ("a 8x8 inference",)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("a 8x8 inference", "a *", "waiver.0.case: expected the exact name of one case; wildcards"),
        ("a 8x8 inference", "b.py::test_?[2]", "waiver.0.case: expected the exact name of one case; wildcards"),
        ('ceiling = "9 %"', "", r"waiver.0: ceiling is missing"),
        ("until = 2026-05-04", "", "waiver.0.until: Field required"),
        ('reason = "wider tables, issue 12"', 'reason = ""', "waiver.0.reason"),
        ("reason =", "season =", "waiver.0.season: Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(LambdabenchError, match=said):
        read(tmp_path, WAIVER.replace(old, new))
    with pytest.raises(LambdabenchError, match="no TOML"):
        read(tmp_path, "[")


@pytest.mark.parametrize(
    ("line", "fits"),
    [
        ("tolerance = 0", False),
        ('tolerance = "0 %"', False),
        ("tolerance = 9.9", True),
        ("tolerance = 10", False),
        ("cap_s = 0", False),
        ("cap_s = 0.1", True),
    ],
)
def test_shares_are_above_nothing_and_below_ten(tmp_path: Path, line: str, fits: bool) -> None:
    text = f"[tool.lambdabench.check]\n{line}"
    if fits:
        read(tmp_path, text)
    else:
        with pytest.raises(LambdabenchError, match=line.split()[0]):
            read(tmp_path, text)


@pytest.mark.parametrize(("ceiling", "fits"), [("0", False), ('"0 %"', False), ('"3900 %"', True), ("1000", False)])
def test_a_ceiling_may_be_any_slowdown_that_there_is(tmp_path: Path, ceiling: str, fits: bool) -> None:
    text = WAIVER.replace('"9 %"', ceiling).replace("wider tables, issue 12", "w")
    if fits:
        assert read(tmp_path, text).waiver[0].ceiling == 39
    else:
        with pytest.raises(LambdabenchError, match=r"waiver\.0\.ceiling"):
            read(tmp_path, text)
