"""Frames as people see them: every text in them one line without unseen characters. What is stored stays what it is."""

import pandas as pd

from ..core import foreign

NAMES = ("model", "device_name")
"""Columns that name things in a figure, where room is short."""


def legible(frame: pd.DataFrame, longest_name: int = foreign.MOST_CHARACTERS) -> pd.DataFrame:
    """The frame with its texts made plain, and names no longer than so many characters."""
    changed: dict[str, pd.Series] = {}
    for name in frame.columns:
        try:
            texts = [one for one in frame[name].unique() if isinstance(one, str)]
        except TypeError:  # samples are lists
            continue
        most = longest_name if name in NAMES else foreign.MOST_CHARACTERS
        told = {
            one: foreign.bounded(foreign.plain(one), most) if name != "options" else foreign.plain(one) for one in texts
        }
        if any(one != shown for one, shown in told.items()):
            changed[name] = frame[name].map(lambda one, told=told: told.get(one, one) if isinstance(one, str) else one)
    return frame.assign(**changed) if changed else frame
