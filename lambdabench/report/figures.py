"""A suite's figures, as `run` and `report` draw them."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from .. import plots
from ..analysis import pareto as front
from ..analysis import scripted
from ..core import registry
from ..core.errors import NothingMeasuredError
from ..core.spec import Suite
from ..plots import pareto as pareto_plot
from .notes import curve_notes, load_notes, notes, tail_notes


def draw_plots(
    names: Sequence[str],
    every: pd.DataFrame,
    *,
    title: str,
    folder: Path,
    across: Sequence[str] = (),
    command: str = "",
) -> tuple[Path, ...]:
    """Draws a suite's plots into `folder`; one that its cases do not suffice for is left out. Scripted times stand in none of which
    others were measured. `across`: fields over which there is one front; `command` makes each, its kind in place of {}."""
    cases = scripted.measured(every)
    left_out = scripted.left_out(every, cases)
    points = front.pareto(cases, across=across)
    paths: list[Path] = []
    for name in names:
        module = registry.load("plots", name)
        try:
            if name == "pareto":
                said = (*notes(cases, points, across=across), *left_out)
                drawing = pareto_plot.draw(points, x="throughput", y="top1", title=title, notes=said, across=across)
            else:
                own = {"latency": tail_notes, "load": load_notes}.get(name)
                said = (*(own(cases) if own else curve_notes(cases, module.METRICS)), *left_out)
                drawing = module.draw(cases, title=f"{title}: {module.TITLE.lower()}", notes=said)
        except NothingMeasuredError:
            continue
        paths += plots.save(drawing, folder, name, command.replace("{}", name))
    return tuple(paths)


def plots_of(wanted: Suite, *, is_asked: bool, has_loads: bool = False) -> tuple[str, ...]:
    """A suite's plots, that of quantiles where one is asked for, and that of loads where there are some."""
    more = {"latency": is_asked, "load": has_loads}
    return tuple(dict.fromkeys((*wanted.plots, *(name for name, is_so in more.items() if is_so))))
