"""A flag is one of those that a row has, and no part of another."""

from lambdabench.core.row_flags import SHARED, THROTTLED, has_flag


def test_a_flag_is_found_among_others_and_not_within_one() -> None:
    assert has_flag("power_capped,throttled", THROTTLED)
    assert not has_flag("", THROTTLED)
    assert not has_flag("not_throttled", THROTTLED)
    assert not has_flag(None, SHARED)
