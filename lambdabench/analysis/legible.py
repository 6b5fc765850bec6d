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
            texts = [item for item in frame[name].unique() if isinstance(item, str)]
        except TypeError:  # samples are lists
            continue
        most = longest_name if name in NAMES else foreign.MOST_CHARACTERS
        message = {
            text: foreign.bounded(foreign.plain(text), most) if name != "options" else foreign.plain(text)
            for text in texts
        }
        if any(name != shown for name, shown in message.items()):
            changed[name] = frame[name].map(
                lambda item, text=message: text.get(item, item) if isinstance(item, str) else item
            )
    return frame.assign(**changed) if changed else frame
