"""Single cases of results that are there, and the command that repeats one."""

import functools
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .. import models, store, suite
from ..analysis import load_columns, table, tail_columns
from ..core import fields, flags, registry, shapes
from ..core.errors import NothingMeasuredError
from ..core.evaluation import DATA, DIGITS, SUITE, WEIGHTS
from ._results import FRONT, matching, nothing_of, results_words


def show(
    name: str, results: Path, filters: Mapping[str, Any] | None = None, limit_s: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Wide rows with quantiles of latency and the share of calls over a limit, newest long rows) of a case id or a model, where every
    filter matches. Raises UnknownNameError with the nearest that was measured, NothingMeasuredError naming the filter that leaves
    nothing."""
    rows = store.newest(store.read(results))
    mine = rows[(rows["case_id"] == name) | (rows["model"] == name)]
    if rows.empty:
        raise NothingMeasuredError(nothing_of(None, results))
    if mine.empty:
        if name in models.names():
            raise NothingMeasuredError(
                f"{name} was not measured yet; lambdabench run --suite quickstart --models {name}"
            )
        raise registry.unknown("measured case or model", name, {*rows["model"], *rows["case_id"]})
    cases = table.wide(rows)
    cases = matching(cases[cases["case_id"].isin(mine["case_id"])], filters or {}, name)
    cases = cases.assign(asked_at=tail_columns.asked_of(cases, mine))
    cases = load_columns.with_loads(tail_columns.with_tails(cases, mine, tail_columns.quantiles_of(mine)), mine)
    return tail_columns.with_limit(cases, mine, limit_s), mine


def repeat_command(case: Mapping[str, Any], results: Path) -> str:
    """The command that measures a case again. Rows do not know where the file of a user's own suite is: PATH stands for it."""
    name = str(case["suite"])
    if name == SUITE:
        return _evaluate_command(case, results_words(results))
    if case["kind"] == "test":
        return shlex.join(["pytest", "--benchmark-only", "--lambdabench", str(results), str(case["model"])])
    words = ["lambdabench", "run", "--suite", name if name in suite.names() else f"PATH/{name}.toml"]
    if name == FRONT:
        words = ["lambdabench", "run", "--find-front", "--candidates", str(case["model"])]
    else:
        words += ["--models" if _has(name, case) else "--model", str(case["model"])]
    for field in fields.FIELDS:
        value = fields.value(case, field) if field.repeats else ""
        if value == "" or (field.name == "devices" and value == fields.USUAL["devices"]):
            continue
        shape = fields.options(case).get(shapes.OPTION) if field.name == "image_px" else None
        words += ["--input", str(shape)] if shape else [flags.dashed(field.name), str(value)]
    words += _option_words({key: value for key, value in fields.options(case).items() if key != shapes.OPTION})
    words += ["--at", str(case["asked_at"])] if case.get("asked_at") else []
    return shlex.join([*words, "--fresh", *results_words(results)])


def _evaluate_command(case: Mapping[str, Any], results: Sequence[str]) -> str:
    """The command that evaluates again. Rows do not know where images and checkpoint are: DIR and FILE stand for them."""
    options = dict(fields.options(case))
    weights, _ = options.pop(WEIGHTS, ""), options.pop(DATA, "")
    is_tag = not re.fullmatch(f"[0-9a-f]{{{DIGITS}}}", str(weights))
    words = ["lambdabench", "evaluate", f"{case['model']}.{weights}" if is_tag else str(case["model"]), "--data", "DIR"]
    words += [] if is_tag else ["--checkpoint", "FILE"]
    for name in ("backend", "dtype", "device", "batch_size", "image_px"):
        words += [flags.dashed(name), str(fields.value(case, fields.NAMED[name]))]
    return shlex.join([*words, *_option_words(options), *results])


def _option_words(options: Mapping[str, Any]) -> list[str]:
    pairs = ((key, value if isinstance(value, str) else json.dumps(value)) for key, value in options.items())
    return [word for key, value in pairs for word in ("--option", f"{key}={value}")]


def _has(suite_name: str, case: Mapping[str, Any]) -> bool:
    """Whether a suite has a case's model itself; one whose file nobody knows, where the model is no reference to somebody's own."""
    if suite_name in suite.names():
        return case["model"] in _models_of(suite_name)
    return ":" not in str(case["model"]) and not str(case["model"]).endswith((".pt2", ".onnx"))


@functools.cache
def _models_of(suite_name: str) -> frozenset[str]:
    return frozenset(cell.case.model for cell in suite.load(suite_name).cells)
