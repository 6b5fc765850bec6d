"""What moved over stored runs: `plot trend` and `check --history`."""

from pathlib import Path

from .. import plots, store, suite
from ..analysis import scripted
from ..analysis.trend import FEWEST, History, histories, of_sessions
from ..core.errors import NothingMeasuredError, SuiteError, UnknownNameError
from ..core.folders import REPORTS
from ..gate import baseline
from ..plots import trend
from ._results import nothing_of, title_of

SESSIONS = ".jsonl"
"""The ending of a file of `check --baseline`."""


def history_of(source: Path, suite_name: str | None) -> tuple[History, ...]:
    """The histories in a folder of result files, or in a file of stored sessions, of those with enough runs first. Raises
    NothingMeasuredError where none has enough, BaselineError."""
    if source.suffix == SESSIONS:
        known = of_sessions(baseline.read(source, must_exist=True))
    else:
        rows = store.read(source)
        wanted = suite.name_of(suite_name) if suite_name else ""
        rows = scripted.measured(rows[rows["suite"] == wanted] if wanted else rows)
        known = tuple(
            history
            for name, of_suite in rows.groupby("suite", observed=True)
            for history in histories(of_suite, _reference(str(name)))
        )
    if not any(len(history.sessions) >= FEWEST for history in known):
        most = max((len(history.sessions) for history in known), default=0)
        raise NothingMeasuredError(
            f"{nothing_of(suite_name, source) if not known else f'the most runs of one case are {most}'}: "
            f"a change of level takes {FEWEST}; lambdabench run --fresh measures again"
        )
    return known


def _reference(suite_name: str) -> str:
    """The model that a suite's ratios are to; empty for a suite that is not to be found or has none."""
    try:
        return str(dict(suite.load(suite_name).reference).get("model", ""))
    except (SuiteError, UnknownNameError):
        return ""


def last_slower(known: tuple[History, ...]) -> tuple[History, ...]:
    """The histories whose present level is slower than the one before it."""
    return tuple(history for history in known if (moves := history.moves()) and moves[-1].is_slower)


def plot_trend(source: Path, suite_name: str | None, *, out: Path | None) -> tuple[Path, ...]:
    """Draws ratios over runs: SVG, PNG and CSV. Raises NothingMeasuredError, StoreError."""
    known = history_of(source, suite_name)
    name = source.stem if source.suffix == SESSIONS else title_of(source, suite_name)
    drawing = trend.draw(known, title=f"{name}: {trend.TITLE.lower()}")
    return plots.save(drawing, out or REPORTS / name, "trend")
