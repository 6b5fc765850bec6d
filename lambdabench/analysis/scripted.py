"""Rows of scripted times are no measurements: they never stand beside measured ones."""

import pandas as pd

BACKEND = "fake"


def measured(cases: pd.DataFrame) -> pd.DataFrame:
    """The cases without those of scripted times; those alone where there are no others."""
    if "backend" not in cases:
        return cases
    scripts = cases["backend"] == BACKEND
    return cases if scripts.all() else cases[~scripts]


def said(cases: pd.DataFrame) -> tuple[str, ...]:
    """What must be said beside scripted times; nothing of measured ones."""
    if len(cases) and "backend" in cases and (cases["backend"] == BACKEND).all():
        return (f"Times of the backend {BACKEND} are a script: nothing was measured.",)
    return ()


def left_out(every: pd.DataFrame, shown: pd.DataFrame) -> tuple[str, ...]:
    """What must be said where `measured` left some out."""
    if left := len(every) - len(shown):
        return (f"Not shown: {left} cases of the backend {BACKEND}, whose times are a script.",)
    return ()
