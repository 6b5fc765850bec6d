"""Whether results hold times that have not come yet: a clock was ahead when they were measured."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from .. import store
from ..report.notes import AHEAD_S


def ahead(results: Path, clock: Callable[[], float] = time.time) -> str:
    """What to say of times below a folder that lie in the future; empty where none do."""
    latest_s = store.latest_order(results) / 1000
    if latest_s <= clock() + AHEAD_S:
        return ""
    return (
        f"{results} has times in the future, up to {datetime.fromtimestamp(latest_s, UTC):%Y-%m-%d %H:%M} UTC: a clock was ahead. "
        f"What is measured from now on counts as newer all the same"
    )
