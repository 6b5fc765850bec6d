"""Numbers as people read and write them."""

import pytest

from lambdabench.core.units import format_duration, format_significant, format_time, format_value, parse_duration


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400)])
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10 minutes", "m", "-3s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


def test_numbers_keep_their_significant_digits() -> None:
    said = [format_significant(value) for value in (9120.4, 3.14159, 0.0012345, 99.96, None, float("nan"), 0.0)]
    assert said == ["9,120", "3.14", "0.00123", "100.0", "–", "–", "0"]
    assert [format_duration(value) for value in (41, 221, 7500)] == ["41 s", "3 min 41 s", "2 h 05 min"]


def test_times_are_told_in_the_unit_that_fits() -> None:
    said = [format_time(value) for value in (12.34, 0.00441, 0.0009999, 4.82e-6, 5e-8, 0.0)]
    assert said == ["12.3 s", "4.41 ms", "1 ms", "4.82 µs", "0.05 µs", "0 µs"]


def test_what_has_no_unit_is_in_millions_where_it_is_a_count() -> None:
    values = (25_557_032.0, 2312.0, 2.0, -0.031, 1234.5, 0.0, None)
    assert [format_value(value, "1") for value in values] == [
        "25.6 M",
        "0.00231 M",
        "2.00",
        "-0.0310",
        "1,230",
        "0",
        "–",
    ]
