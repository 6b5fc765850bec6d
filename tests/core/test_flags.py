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
