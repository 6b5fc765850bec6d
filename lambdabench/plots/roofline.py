"""Layers under what the machine can do: FLOP/s of the fewest operations that are needed against FLOP per byte that must move.

Ceilings are rows of the layer `ceiling` measured beside them: a product's FLOP/s, and a copy's bytes/s. Operations are those of the
formulation that needs fewest, whichever ran, so that points of one shape differ by their time alone; bytes are input, output and
parameters, once. A training step counts three times both.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..analysis.answers import answer
from ..analysis.legible import legible
from ..core import fields, registry
from ..core.dtypes import BYTES
from ..core.errors import NothingMeasuredError
from ..core.units import format_significant
from . import Drawing
from . import _scales as scales
from . import _style as style

TITLE = "Layers under the measured ceilings"
METRICS = ("latency",)
CEILING = "ceiling"
TIMES = {"inference": 1, "train": 3}
SERIES = tuple(field for field in fields.FIELDS if field.of_framework)
PANEL = tuple(
    field.name
    for field in fields.FIELDS
    if field.parts and field not in SERIES and field.name not in ("kind", "mode", "fingerprint")
)
"""Layers that differ in one of these stand in panels apart. Environments do not part them: a series and its ceilings are of one."""
ENVIRONMENT = fields.NAMED["fingerprint"]
IMPLEMENTATION = ("kernel", "library")
"""Options that say who computes, not what."""
SAID = (
    "FLOP: of the formulation that needs fewest, whichever ran, a transform's at 0.65 of a product's rate. "
    "Bytes: input, output and parameters once. A training step counts three times both. Dashed: 60 % and 10 % of the ceilings."
)


PANEL_INCHES, TABLE_LINE_INCHES = (4.7, 4.0), 0.14
TABLE_INCHES, CHARACTER_INCHES = 1.35, 0.06
"""Width of the table beside a panel without its names, and of a name's character."""
OTHERS = (style.GREY, ".")
MOST_NAMED = 40
"""Lines of the table beside a panel; what is not told apart stands below, and of more the range of the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """FLOP/s of a product and bytes/s of a copy, in one environment."""

    flop_per_s: float
    bytes_per_s: float

    def at(self, intensity: float) -> float:
        """FLOP/s that so many FLOP per byte allow."""
        return min(self.flop_per_s, intensity * self.bytes_per_s)


def drawn(cases: pd.DataFrame) -> pd.DataFrame:
    """The layers that have a time, with the ceilings under which they are drawn."""
    timed = cases[(cases["kind"] == "layer") & cases["latency"].notna()] if "latency" in cases else cases.iloc[:0]
    if timed.empty:
        return timed
    kept = [group for _, group in timed.groupby(_conditions(timed)) if _ceilings(group[group["model"] == CEILING])]
    return pd.concat(kept) if kept else timed.iloc[:0]


def draw(cases: pd.DataFrame, *, title: str, notes: Sequence[str] = ()) -> Drawing:
    """The figure of a wide table. Raises NothingMeasuredError where no layer has a time, or no ceilings were measured beside it."""
    timed = legible(drawn(cases), style.LONGEST_TEXT)
    ceilings = {key: _ceilings(group) for key, group in timed[timed["model"] == CEILING].groupby(_conditions(timed))}
    layers = timed[timed["model"] != CEILING]
    rows = [
        _placed(case, result)
        for key, group in layers.groupby(_conditions(layers))
        if (result := ceilings.get(key)) is not None
        for _, case in group.iterrows()
    ]
    if not rows:
        raise NothingMeasuredError(
            "no layer was timed beside the ceilings (model ceiling, options of = product and of = copy): "
            "lambdabench run --suite kernels"
        )
    numbers = _named(pd.DataFrame(rows))
    with style.context():
        figure = _panels(numbers)
        style.heading(figure, title)
        style.caption(figure, (*notes, SAID))
    return Drawing(figure=figure, numbers=numbers)


def _named(numbers: pd.DataFrame) -> pd.DataFrame:
    """With `conditions`, what tells a panel's rows from other panels', and `series`: the implementation, and what else parts its rows
    or, in a panel of several environments, its environment. A series is of one machine."""
    rows = [{str(key): item for key, item in row.items()} for row in numbers.to_dict("records")]
    places = [field for field in fields.FIELDS if field.name in PANEL]
    varied = fields.varying(rows, places)
    numbers = numbers.assign(conditions=[fields.phrase(row, varied) for row in rows], series=numbers["implementation"])
    for _, panel in numbers.groupby("conditions"):
        environments = [ENVIRONMENT] if panel["fingerprint"].nunique() > 1 else []
        for name, same in panel.groupby("implementation"):
            mine = [rows[place] for place in same.index]
            text = (*fields.varying(mine, SERIES), *environments)
            words = [", ".join(filter(None, (str(name), fields.phrase(row, text)))) for row in mine]
            numbers.loc[same.index, "series"] = words
    return numbers.sort_values(["conditions", "series", "mode", "intensity [FLOP/B]"], kind="stable")


def _panels(numbers: pd.DataFrame) -> Figure:
    modes = [name for name in TIMES if name in set(numbers["mode"])]
    items = list(dict.fromkeys(numbers["conditions"]))
    lines = min(MOST_NAMED, numbers.groupby(["conditions", "mode"])["series"].nunique().max())
    table = TABLE_INCHES + CHARACTER_INCHES * max(map(len, numbers["series"]))
    high = max(PANEL_INCHES[1], 0.6 + TABLE_LINE_INCHES * (lines + 3))
    size = ((PANEL_INCHES[0] + table) * len(modes) + 0.6, 1.0 + high * len(items))
    figure = Figure(figsize=size, layout="constrained")
    grid: Any = figure.subplots(len(items), len(modes), squeeze=False, sharey="row")
    looks = _looks(numbers)
    for line, conditions in zip(grid, items, strict=True):
        same = numbers[numbers["conditions"] == conditions]
        line[0].set_ylabel("fewest FLOP needed / time [GFLOP/s]")
        for axes, mode in zip(line, modes, strict=True):
            mine = same[same["mode"] == mode]
            if mine.empty:
                axes.set_axis_off()
                continue
            _draw_panel(axes, mine, looks)
            axes.set_ylim(*_heights(same))
            scales.plain_log_ticks(axes.yaxis)
            title = {"inference": "forward", "train": "forward and backward"}[mode]
            axes.set_title(", ".join(item for item in (conditions, title) if item), fontsize=9, loc="left")
    return figure


def _looks(numbers: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Colour and marker of each series; of more than can be told apart, those nearest to their ceilings have one."""
    shares = _means(numbers)
    nearest = shares.sort_values(ascending=False, kind="stable").index[: style.MOST_COLOURED]
    return {str(name): OTHERS for name in shares.index} | style.looks(map(str, nearest))


def _means(numbers: pd.DataFrame) -> pd.Series:
    """The geometric mean of each series' shares."""
    return numbers.groupby("series")["share of the ceiling"].agg(lambda shares: math.exp(np.log(shares).mean()))


def _conditions(cases: pd.DataFrame) -> list[str]:
    return [name for name in (*PANEL, "fingerprint") if name in cases]


def _ceilings(rows: pd.DataFrame) -> Ceilings | None:
    """None where one of the two was not measured."""
    rates: dict[str, float] = {}
    for _, row in rows.iterrows():
        options = json.loads(row["options"])
        of, dim = options.get("of", "product"), int(options["dim"])
        numbers = row["batch_size"] * dim * row["image_px"] ** 2
        amount = 2 * numbers * dim if of == "product" else 2 * numbers * BYTES[row["dtype"]]
        rates[of] = max(rates.get(of, 0.0), amount / row["latency"])
    if len(rates) < 2:
        return None
    return Ceilings(flop_per_s=rates["product"], bytes_per_s=rates["copy"])


def _placed(case: pd.Series, ceilings: Ceilings) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(case["options"])
    spec = registry.load(f"layers.{case['model']}", "spec")
    dim, side = int(options["dim"]), int(case["image_px"])
    where = {key: value for key, value in options.items() if key not in ("dim", "dim_out", "size")} | {
        "size": (side, side)
    }
    dim_out = int(options.get("dim_out", dim))
    macs = getattr(spec, "fewest_macs", spec.macs)(dim, dim_out, **where)
    flops = 2 * TIMES[case["mode"]] * case["batch_size"] * macs
    moved = case["batch_size"] * side**2 * (dim + dim_out) + spec.parameters(dim, dim_out, **where)
    intensity = flops / (TIMES[case["mode"]] * BYTES[case["dtype"]] * moved)
    seconds = answer(case, "latency")
    low, high = seconds.interval or (case["latency"], case["latency"])
    rate = flops / case["latency"]
    shape = {key: value for key, value in options.items() if key not in IMPLEMENTATION}
    return {
        "implementation": str(next((options[key] for key in IMPLEMENTATION if key in options), case["model"])),
        "mode": case["mode"],
        "batch_size": case["batch_size"],
        "image_px": side,
        "options": json.dumps(shape),
        "intensity [FLOP/B]": intensity,
        "rate [FLOP/s]": rate,
        "rate_low [FLOP/s]": flops / high,
        "rate_high [FLOP/s]": flops / low,
        "ceiling [FLOP/s]": ceilings.at(intensity),
        "share of the ceiling": rate / ceilings.at(intensity),
        "product [FLOP/s]": ceilings.flop_per_s,
        "copy [B/s]": ceilings.bytes_per_s,
    } | {
        name: case[name]
        for name in (*PANEL, *(field.name for field in SERIES), "fingerprint", "case_id")
        if name in case
    }


def _draw_panel(axes: Axes, numbers: pd.DataFrame, looks: dict[str, tuple[str, str]]) -> None:
    ceilings = _ceilings_of(numbers)
    x = numbers["intensity [FLOP/B]"]
    low, high = (
        x.min() / 2,
        max(2 * x.max(), *(2 * ceiling.flop_per_s / ceiling.bytes_per_s for ceiling in ceilings.values())),
    )
    _draw_ceilings(axes, ceilings, np.geomspace(low, high, 200))
    for name, group in numbers.groupby("series"):
        _draw_series(axes, group, *looks[str(name)])
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_xlabel("FLOP needed per byte that must move [FLOP/B]")
    scales.plain_log_ticks(axes.xaxis)
    _draw_table(axes, numbers, looks)


def _heights(numbers: pd.DataFrame) -> tuple[float, float]:
    """The ends of the axis of a row of panels, in GFLOP/s: all bars are inside, and above them the words of the ceilings."""
    ceilings = _ceilings_of(numbers)
    least = numbers["rate_low [FLOP/s]"].min() / 1e9 / 1.5
    greatest = max(*(ceiling.flop_per_s for ceiling in ceilings.values()), numbers["rate_high [FLOP/s]"].max()) / 1e9
    above = 0.05 * (1 + len(ceilings))
    return least, greatest * (greatest / least) ** (above / (1 - above))


def _draw_table(axes: Axes, numbers: pd.DataFrame, looks: dict[str, tuple[str, str]]) -> None:
    """Beside the panel, where it covers nothing: each series with its share of the ceiling, the nearest first."""
    shares = numbers["share of the ceiling"].groupby(numbers["series"])
    table = pd.DataFrame({"mean": _means(numbers), "low": shares.min(), "high": shares.max()})
    table = table.sort_values("mean", ascending=False, kind="stable")
    order = sorted(table.index, key=lambda name: looks[str(name)] == OTHERS)
    named = order if len(order) <= MOST_NAMED else order[: MOST_NAMED - 1]
    marks = [_entry(f"{name}: {_percent(table.loc[[name]])}", *looks[str(name)]) for name in named]
    if rest := order[len(named) :]:
        others = table.loc[rest]
        low, high = 100 * others["low"].min(), 100 * others["high"].max()
        marks.append(_entry(f"{len(rest)} others: {low:.0f} to {high:.0f} %, in the CSV", *OTHERS))
    axes.legend(
        handles=marks,
        title="share of the ceiling:\ngeometric mean (smallest to largest)",
        title_fontsize=7,
        alignment="left",
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.4,
        handletextpad=0.2,
        frameon=False,
        fontsize=7,
    )


def _entry(text: str, colour: str, marker: str) -> Line2D:
    return Line2D([], [], color=colour, marker=marker, markersize=4.5, linestyle="none", label=text)


def _percent(row: pd.DataFrame) -> str:
    mean, low, high = (100 * row[name].iloc[0] for name in ("mean", "low", "high"))
    return f"{mean:.0f} % ({low:.0f} to {high:.0f} %)"


def _ceilings_of(numbers: pd.DataFrame) -> dict[str, Ceilings]:
    """A panel's ceilings by the word of their environment, which is empty where there is one; the lowest first."""
    rows = numbers.drop_duplicates("fingerprint").sort_values("product [FLOP/s]")
    return {
        fields.word(ENVIRONMENT, row["fingerprint"]) if len(rows) > 1 else "": Ceilings(
            flop_per_s=row["product [FLOP/s]"], bytes_per_s=row["copy [B/s]"]
        )
        for _, row in rows.iterrows()
    }


def _draw_ceilings(axes: Axes, ceilings: Mapping[str, Ceilings], line: Any) -> None:
    for number, (where, item) in enumerate(ceilings.items()):
        top = np.array([item.at(at) for at in line]) / 1e9
        axes.plot(line, top, color="#333333", linewidth=1.4, gid="ceiling")
        for share in (0.6, 0.1):
            axes.plot(line, share * top, color="#999999", linewidth=0.7, linestyle="--")
        rates = f"product {format_significant(item.flop_per_s / 1e9)} GFLOP/s, copy {format_significant(item.bytes_per_s / 1e9)} GB/s"
        text = f"{where}: {rates}" if where else rates
        end, offset = (line[-1], item.flop_per_s / 1e9), (-2, 3 + 9 * number)
        axes.annotate(text, end, offset, textcoords="offset points", ha="right", fontsize=7)


def _draw_series(axes: Axes, group: pd.DataFrame, colour: str, marker: str) -> None:
    """The points of one implementation on one machine; those that are not told apart lie below the others."""
    rate = group["rate [FLOP/s]"]
    axes.errorbar(
        group["intensity [FLOP/B]"],
        rate / 1e9,
        yerr=[
            (rate - group["rate_low [FLOP/s]"]).clip(lower=0) / 1e9,
            (group["rate_high [FLOP/s]"] - rate).clip(lower=0) / 1e9,
        ],
        fmt=marker,
        color=colour,
        markersize=4.5,
        elinewidth=0.7,
        alpha=0.85,
        linestyle="none",
        zorder=1.5 if (colour, marker) == OTHERS else 3,
    )
