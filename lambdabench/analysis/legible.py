"""Frames as people see them: every text in them one line without unseen characters. What is stored stays what it is."""

import pandas as pd

from ..core import foreign


def legible(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with its texts made plain."""
    changed: dict[str, pd.Series] = {}
    for name in frame.columns:
        try:
            strange = {
                one: told
                for one in frame[name].unique()
                if isinstance(one, str) and (told := foreign.plain(one)) != one
            }
        except TypeError:  # samples are lists
            continue
        if strange:
            changed[name] = frame[name].map(
                lambda one, known=strange: known.get(one, one) if isinstance(one, str) else one
            )
    return frame.assign(**changed) if changed else frame
