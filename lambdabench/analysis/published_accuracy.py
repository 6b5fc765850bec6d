"""Published accuracies, and those that were measured, joined to the cases of a wide table."""

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..core import fields
from ..core.evaluation import DATA
from ..core.options import SCRIPTED
from ..facts import Fact, accuracies, chosen, given
from .accuracies import MEASURED, OF_CASE, Index, accuracy_of, index_of
from .answers import INTERVAL
from .wilson import wilson

PROGRAMS = frozenset(field.name.removeprefix(fields.OPTION) for field in fields.PROGRAMS)
QUANTISING: Mapping[str, Any] = {"quantize": "none", "calibration": ""}
"""Options of a program that make a network answer otherwise -> the value that does not: its accuracy is its own, and measured or a hole."""
HOW_ONLY = PROGRAMS - QUANTISING.keys() | {"drop_rate", "drop_path_rate", "weights", DATA}
"""Options that change how a network runs or learns, or which numbers it begins with, and not which network it is."""
NETWORK = ["model", "image_px", "kind", "mode", "backend", "options"]
"""What an accuracy is found by."""
UNKNOWN: Mapping[str, Any] = {
    "top1": None,
    "top1_tag": "",
    "top1_data": "",
    "top1_source": "",
    "top1_origin": "",
    "top1_licence": "",
    "top1_on": "",
    "top1_top5": None,
}
NO_CLASSIFIER = "feature maps and single layers have no accuracy"
NO_NETWORK = "no published accuracy"
NO_SIZE = "no published accuracy at this size, only at others"
NO_OPTIONS = "no published accuracy with these options, only with others"
NO_WEIGHTS = "no published accuracy of the weights that were asked for, only of others (--weights best)"


def with_accuracy(cases: pd.DataFrame, weights: Sequence[str], newest: pd.DataFrame | None = None) -> pd.DataFrame:
    """The cases with the accuracy of their network at their image size, a row for each of several published ones; an empty one where there
    is none, as for feature maps, with the reason in `top1_missing`: top-1 is a classifier's. Of measured ones, as the `newest` long rows
    have them, a case shows its own; that of its network where "measured" is among the weights, or where none of these is published."""
    index: Index = {} if newest is None else index_of(newest, _options_of)
    keys = [*NETWORK, *(OF_CASE if index else ())]
    network = cases.groupby(keys, sort=False, dropna=False).ngroup().to_numpy()
    networks = cases[keys].iloc[np.unique(network, return_index=True)[1]]
    result = [_with_measured(network, weights, index) for network in networks.to_dict("records")]
    count = np.array([len(item) for item in result], dtype=np.int64)
    begin = np.cumsum(count) - count
    many = count[network]
    place = np.repeat(np.arange(len(cases)), many)
    within = np.arange(len(place)) - np.repeat(np.cumsum(many) - many, many)
    rows = pd.DataFrame([cell for item in result for cell in item])
    rows = rows.iloc[begin[network[place]] + within].reset_index(drop=True)
    return pd.concat([cases.iloc[place].reset_index(drop=True), rows], axis=1)


def accuracy_sources(cases: pd.DataFrame, origin: str) -> list[str]:
    """Where the accuracies of cases are from, of those that are "quoted" or "measured", sorted; quoted where nothing says which."""
    if "top1_source" not in cases or cases.empty:
        return []
    series = cases["top1_origin"] if "top1_origin" in cases else pd.Series("quoted", cases.index)
    return sorted({str(item) for item in cases.loc[series == origin, "top1_source"] if item})


def what(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that make a network another one, with an accuracy of its own."""
    return {key: value for key, value in options.items() if key not in HOW_ONLY and QUANTISING.get(key, ...) != value}


def network_of(options: str) -> str:
    """Options, as canonical text of those that make a network another one."""
    return json.dumps(what(json.loads(options)), sort_keys=True)


def _with_measured(case: Mapping[Any, Any], weights: Sequence[str], index: Index) -> list[Mapping[str, Any]]:
    """The columns of each accuracy that counts, the measured one among them."""
    here, is_own = accuracy_of(case, _options_of(case), index) if index and _classifies(case) else (None, False)
    if here is None:
        return [*_accuracies(case, [name for name in weights if name != MEASURED])]
    before = () if is_own else weights[: weights.index(MEASURED)] if MEASURED in weights else weights
    published = _accuracies(case, before)
    return [here] if published[0]["top1"] is None else [*published]


def _options_of(case: Mapping[Any, Any]) -> dict[str, Any]:
    """The options that make a case's network another one, a script's aside."""
    options = what(json.loads(case["options"]))
    return {key: item for key, item in options.items() if key not in SCRIPTED} if case["backend"] == "fake" else options


def _classifies(case: Mapping[Any, Any]) -> bool:
    return case["kind"] == "model" and case["mode"] != "features"


def _accuracies(case: Mapping[Any, Any], weights: Sequence[str]) -> list[dict[str, Any]]:
    """The columns of each published accuracy that counts."""
    if not _classifies(case):
        return [_nothing(NO_CLASSIFIER)]
    options = _options_of(case)
    for position, name in enumerate(weights):
        if name.endswith(given.ENDING) and (own := _given(case, name)):
            before = _accuracies(case, weights[:position])
            return before if before[0]["top1"] is not None else own
    sizes = _known().get(case["model"], {})
    of_size = sizes.get(int(case["image_px"]), [])
    same = [fact for fact in of_size if what(dict(fact.options)) == options]
    if result := [_cells(fact) for fact in chosen(same, weights)]:
        return result
    if same:
        return [_nothing(NO_WEIGHTS, ", ".join(fact.tag for fact in same))]
    return [_nothing(NO_OPTIONS if of_size else NO_SIZE if sizes else NO_NETWORK)]


def _given(case: Mapping[Any, Any], path: str) -> list[dict[str, Any]]:
    """The columns of what a file says of a case's network at its size, or at any."""
    of_model = [fact for fact in given.read(path) if fact.architecture == case["model"]]
    of_size = [fact for fact in of_model if fact.eval_px == int(case["image_px"])]
    return [_cells(fact) for fact in (of_size or [fact for fact in of_model if fact.eval_px == given.ANY_SIZE])[:1]]


def _nothing(reason: str, elsewhere: str = "") -> dict[str, Any]:
    """The columns where there is no accuracy, with the tags of those that were not asked for."""
    return {**UNKNOWN, "top1_elsewhere": elsewhere, "top1_missing": reason}


@functools.cache
def _known() -> Mapping[str, Mapping[int, Sequence[Fact]]]:
    """Every accuracy by architecture and size."""
    facts: dict[str, dict[int, list[Fact]]] = {}
    for accuracy in accuracies():
        facts.setdefault(accuracy.architecture, {}).setdefault(accuracy.eval_px, []).append(accuracy)
    return facts


@functools.cache
def _cells(fact: Fact) -> dict[str, Any]:
    """Top-1 in percent with its 95 % Wilson interval over the validation images."""
    bounds = (None, None)
    if fact.images:
        bounds = tuple(100 * end for end in wilson(round(fact.value / 100 * fact.images), fact.images))
    return {
        "top1": fact.value,
        **{f"top1{end}": bound for end, bound in zip(INTERVAL, bounds, strict=True)},
        "top1_tag": fact.tag,
        "top1_licence": fact.licence,
        "top1_on": "",
        "top1_data": fact.more_data,
        "top1_source": fact.source,
        "top1_top5": fact.top5,
        "top1_origin": "quoted",
    }
