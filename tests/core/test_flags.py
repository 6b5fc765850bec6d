"""What flags say, where no other test does."""

import pytest

from lambdabench.core import flags
from lambdabench.core.errors import LambdabenchError


def test_percents() -> None:
    assert flags.percents(None, "--top1") == ()
    assert flags.percents("80, 82.5%", "--top1") == (80.0, 82.5)
    for wrong in ("0", "100", "high", "nan", "80;81"):
        with pytest.raises(LambdabenchError, match=r"--top1: found .*, expected percents between 0 and 100"):
            flags.percents(wrong, "--top1")


@pytest.mark.parametrize(
    ("text", "value"), [("3G", 3e9), ("600M", 6e8), ("2.5 GMACs", 2.5e9), ("500k", 5e5), (None, None)]
)
def test_counts_have_units(text: str | None, value: float | None) -> None:
    assert flags.count(text, "--max-macs") == value


@pytest.mark.parametrize("text", ["3", "0G", "3g", "G", "-1M", "3 T", ""])
def test_a_count_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(
        LambdabenchError, match=r"--max-macs: found .*, expected a count above 0 with its unit, like 3G"
    ):
        flags.count(text, "--max-macs")


@pytest.mark.parametrize(("text", "value"), [("80", 80.0), ("80.5%", 80.5), (80, 80.0), (None, None)])
def test_percent(text: object, value: float | None) -> None:
    assert flags.percent(text, "--min-top1") == value


@pytest.mark.parametrize("text", ["0", "100", "eighty", "0.8", "-3"])
def test_what_is_no_percent_is_refused(text: str) -> None:
    with pytest.raises(LambdabenchError, match=r"--min-top1: found .*, expected percent from 1 to below 100, like 80"):
        flags.percent(text, "--min-top1")
