"""Which cases are one curve against batch size or image size, what each is called, and which lead where there are too many to name."""

import itertools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from ..core import fields
from ..core.metric import metric
from ..core.options import differing, phrase
from . import _style as style

AXES = {"batch_size": "batch size [images]", "image_px": "image size [px a side]"}
OTHER = {"batch_size": "image_px", "image_px": "batch_size"}
SAME = ("options", *(field.name for field in fields.FIELDS if field.parts or field.name == "model_hash"))
"""Cases that differ in one of these are never on one curve."""
LONGEST = 48
"""Characters of a name at a line's end, where curves can be told apart by so many."""
FEWEST = 12
"""Characters of a long name that are kept from its beginning."""
TOLD_BY_VALUE = re.compile(r"\b\w+=(?!true\b|false\b)(?=[a-z])")
"""The key of an option whose value, a word, tells by itself: kernel=conv2d."""
CROWD = 14
"""More curves than these in one panel are parted by their conditions."""
MOST_NAMED, MOST_LEADERS = 24, 12
"""Curves of a panel that have names at their ends; of more, only so many that lead in something, and the others are grey."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Cases equal in all but x. `points` have a number; `holes` were asked for and have none."""

    key: tuple[str, ...]
    name: str
    colour: str
    marker: str
    dashes: str
    points: pd.DataFrame
    holes: pd.DataFrame
    is_named: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels along one axis, one a metric."""

    x: str
    title: str
    panels: list[list[Curve]]


def find(cases: pd.DataFrame, x: str, of: str, looks: dict[str, tuple[str, str]]) -> list[Curve]:
    """The curves of a metric along x; none where no case has a second one. Lone points only where curves are that they compare with."""
    keys = [name for name in ("model", *SAME, OTHER[x]) if name in cases]
    has = cases[of].notna() & (cases[of] > 0)
    groups = {key: group for key, group in cases.groupby(keys, dropna=False, sort=True) if has[group.index].any()}
    long = {key for key, group in groups.items() if group.loc[has, x].nunique() > 1}
    fixed = {key[-1] for key in long}
    models = {key[0] for key in long}
    kept = {key: rows for key, rows in groups.items() if key in long or (key[-1] in fixed and key[0] not in models)}
    if not long:
        return []
    names = _names(list(kept), keys)
    turn: dict[str, int] = {}
    curves: list[Curve] = []
    for (key, group), name in zip(kept.items(), names, strict=True):
        model = str(key[0])
        turn[model] = turn.get(model, -1) + 1
        colour, marker = looks[model]
        curves.append(
            Curve(
                key=tuple(map(str, key)),
                name=name,
                colour=colour,
                marker=marker,
                dashes=style.DASHES[turn[model] % len(style.DASHES)],
                points=group[has[group.index]].sort_values(x),
                holes=group[~has[group.index] & (group["status"] != "ok")],
            )
        )
    return curves


def rows_of(cases: pd.DataFrame, x: str, metrics: Sequence[str], looks: dict[str, tuple[str, str]]) -> list[Row]:
    """The rows of panels along x: one, or one for each of the conditions where that would be crowded."""
    together = [find(cases, x, name, looks) for name in metrics]
    if max((len(curves) for curves in together), default=0) <= CROWD:
        return [Row(x=x, title="", panels=together)] if any(together) else []
    apart = [name for name in SAME if name != "options" and name in cases]
    names = _told(cases[apart].astype(str))
    rows: list[Row] = []
    for _, same in cases.groupby(apart, dropna=False):
        panels = [find(same, x, name, looks) for name in metrics]
        if any(panels):
            rows.append(Row(x=x, title=", ".join(word(name, same[name].iloc[0]) for name in names), panels=panels))
    return rows


def with_leaders(rows: list[Row], metrics: Sequence[str]) -> tuple[list[Row], int]:
    """(The rows, in those that are too many for names the curves that lead in their own colours and the others grey; how many are grey in
    the fullest)."""
    leaders = [_leaders(row, metrics) if max(map(len, row.panels)) > MOST_NAMED else None for row in rows]
    looks = style.looks(key[0] for keys in leaders for key in keys or ())
    result: list[Row] = []
    for row, keys in zip(rows, leaders, strict=True):
        if keys is None:
            result.append(row)
            continue
        panels = [
            [_as_leader(curve, looks) if curve.key in keys else _as_other(curve) for curve in panel]
            for panel in row.panels
        ]
        result.append(replace(row, panels=panels))
    return result, max(
        (sum(not curve.is_named for curve in panel) for row in result for panel in row.panels), default=0
    )


def _as_leader(curve: Curve, looks: dict[str, tuple[str, str]]) -> Curve:
    colour, marker = looks[curve.key[0]]
    return replace(curve, colour=colour, marker=marker)


def _as_other(curve: Curve) -> Curve:
    return replace(curve, colour=style.GREY, is_named=False)


def _leaders(row: Row, metrics: Sequence[str]) -> set[tuple[str, ...]]:
    """The keys of the curves that are best somewhere along x in a panel, from the largest x down, then those of each family there."""
    keys: list[tuple[str, ...]] = []
    for name, panel in zip(metrics, row.panels, strict=True):
        if not panel:
            continue
        frame = pd.concat([curve.points[[row.x, name]].assign(place=place) for place, curve in enumerate(panel)])
        frame["family"] = [style.family(panel[place].key[0]) for place in frame["place"]]
        frame["rank"] = -metric(name).sign * frame[name]
        best = frame.sort_values("rank").drop_duplicates(row.x).sort_values(row.x, ascending=False)
        of_family = frame[frame[row.x] == frame[row.x].max()].sort_values("rank").drop_duplicates("family")
        keys += [panel[place].key for place in (*best["place"], *of_family["place"])]
    return set(list(dict.fromkeys(keys))[:MOST_LEADERS])


def _told(frame: pd.DataFrame) -> list[str]:
    """The columns in which rows differ, but those that another column settles."""
    names: list[str] = []
    for column in frame:
        settled = fields.NAMED[str(column)].settled_by if column in fields.NAMED else ""
        before = frame[settled].nunique() if settled in frame else 1
        if len(frame[[name for name in (settled, column) if name in frame]].drop_duplicates()) > before:
            names.append(str(column))
    return names


def _names(keys: list[tuple[Any, ...]], columns: list[str]) -> list[str]:
    """Each curve's model with the conditions and options in which curves of this panel differ, but those that another one settles."""
    frame = pd.DataFrame(keys, columns=columns).astype(str)
    own = ["model", columns[-1]] if frame[columns[-1]].nunique() > 1 else ["model"]
    options = [json.loads(text) for text in frame["options"]]
    differ = differing(list(zip(frame["model"], options, strict=True)))
    frame["options"] = [phrase(option, differ) for option in options]
    names = [*own, *_told(frame[columns[1:-1]])]
    return _shortened(
        [", ".join(filter(None, (word(name, row[name]) for name in names))) for _, row in frame.iterrows()]
    )


def _shortened(names: Sequence[str]) -> list[str]:
    """The names, long ones without the keys of options whose values are words, and cut in what they have in common with another;
    numbered where that makes them equal."""
    brief = [name if len(name) <= LONGEST else TOLD_BY_VALUE.sub("", name) for name in names]
    short = [_cut(name, [text for text in brief if text != name]) for name in brief]
    turn = {place: f" ({short[: place + 1].count(cut)})" for place, cut in enumerate(short) if short.count(cut) > 1}
    return [
        f"{cut[: LONGEST - len(turn[place])]}{turn[place]}" if place in turn else cut for place, cut in enumerate(short)
    ]


def _cut(name: str, others: Sequence[str]) -> str:
    """The name with its end from the word on in which it differs from its nearest, and as much of its beginning as there is room for."""
    if len(name) <= LONGEST:
        return name
    alike = max((_alike(name, other) for other in others), default=0)
    tail = name[name.rfind(" ", 0, alike) + 1 :][-(LONGEST - FEWEST - 1) :]
    return f"{name[: LONGEST - 1 - len(tail)]}…{tail}"


def _alike(name: str, other: str) -> int:
    """Characters with which both begin."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(name, other, strict=False)))


def word(column: str, value: Any) -> str:
    """A condition as a name has it; a model and options stand as they are."""
    if column not in fields.NAMED:
        return str(value)
    return fields.phrase({column: None if str(value) in ("nan", "None") else value}, [fields.NAMED[column]])
