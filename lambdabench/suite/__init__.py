"""suites/<name>.toml to a `Suite`: grids expanded to cells, flags applied, every problem of a file told at once."""

import dataclasses
import difflib
import fnmatch
import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from ..core import evaluation, fields, folders, registry, shapes, toml_lines
from ..core.errors import SuiteError
from ..core.loads import METRIC as UNDER_LOAD
from ..core.metric import described
from ..core.quantiles import EXPECTED as EXPECTED
from ..core.quantiles import NAME as NAME
from ..core.sources import source_hash
from ..core.spec import (
    ALL,
    MODEL_NAME,
    Case,
    Cell,
    Dtype,
    Kind,
    Layout,
    Mode,
    Options,
    Suite,
    Value,
    options_from,
)
from ..core.spec import (
    LARGEST as LARGEST,
)
from ..core.spec import (
    Sampling as Sampling,
)
from ..facts import weight_names
from .overrides import Overrides
from .sampling_table import IGNORED, Count, Positive, SamplingTable, sampling_of

PACKAGE = Path(__file__).parents[1]
RESERVED = ("reference", evaluation.SUITE)
"""Folders below results that are no suite's: committed results, which are read only where they are named, and evaluations."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _known(kind: str) -> AfterValidator:
    """A validator for names of a registry."""

    def check(name: str) -> str:
        if name not in registry.names(kind):
            raise ValueError(str(registry.unknown(kind.removesuffix("s"), name, registry.names(kind))))
        return name

    return AfterValidator(check)


def _check_model(name: str) -> str:
    if not MODEL_NAME.fullmatch(name):
        raise ValueError("expected lower-case letters, digits, _ and . only")
    return name


def _check_weights(name: str) -> str:
    if name not in weight_names():
        raise ValueError(str(registry.unknown("weights", name, weight_names())))
    return name


def _check_joining(name: str) -> str:
    if name not in (joining := [field.name.removeprefix(fields.OPTION) for field in fields.JOINING]):
        raise ValueError(str(registry.unknown("field that one front can be drawn over", name, joining)))
    return name


def _check_keys(entry: dict[str, Value], what: str) -> dict[str, Value]:
    known = {field.name for field in dataclasses.fields(Case)}
    if strange := [key for key in entry if key not in known and not (what == "exclude" and key.startswith("options."))]:
        raise ValueError("; ".join(str(registry.unknown(f"{what} key", key, known)) for key in strange))
    return entry


Px = Count | Literal["native"] | Annotated[str, Field(pattern=r"^(\d+x)?\d+x\d+$")]
"""Pixels a side, the model's own, or "96x160" and "1x96x160": (channels,) height and width."""
Many = BeforeValidator(_listed)


class Prefer(BaseModel):
    """Device kinds, the first present one is taken, else the best device here."""

    model_config = ConfigDict(extra="forbid")
    prefer: list[str]


class Axes(BaseModel):
    """What a case is made of; each key takes one value or a list."""

    model_config = ConfigDict(extra="forbid")
    model: Annotated[list[Annotated[str, AfterValidator(_check_model)]], Many] | None = None
    kind: Kind | None = None
    backend: Annotated[list[Annotated[str, _known("backends")]], Many] | None = None
    device: Annotated[list[str], Many] | Prefer | None = None
    devices: Annotated[list[Count | Literal["all"]], Many] | None = None
    mode: Annotated[list[Mode], Many] | None = None
    batch_size: Annotated[list[Count], Many] | None = None
    image_px: Annotated[list[Px], Many] | None = None
    dtype: Annotated[list[Dtype], Many] | None = None
    param_dtype: Annotated[list[str], Many] | None = None
    layout: Annotated[list[Layout], Many] | None = None
    threads: Annotated[list[Count], Many] | None = None
    fit: Literal["halve"] | None = None
    options: dict[str, Annotated[list[Value], Many]] | None = None


class Grid(Axes):
    """Axes that multiply, and rows of values that belong together."""

    rows: list[Axes] | None = None
    exclude: list[Annotated[dict[str, Value], AfterValidator(partial(_check_keys, what="exclude"))]] | None = None


class SuiteFile(BaseModel):
    """A suite file as it is written."""

    model_config = ConfigDict(extra="forbid")
    schema_: Literal[1] = Field(alias="schema")
    title: str = ""
    source: str = ""
    metrics: list[Annotated[str, _known("metrics")]] = Field(
        default=["latency", "throughput", "peak_memory", "parameters"], min_length=1
    )
    reference: Annotated[dict[str, Value], AfterValidator(partial(_check_keys, what="reference"))] = {}
    control: tuple[str, str] | None = None
    plots: list[Annotated[str, _known("plots")]] = ["pareto"]
    across: Annotated[list[Annotated[str, AfterValidator(_check_joining)]], Many] = []
    weights: Annotated[list[Annotated[str, AfterValidator(_check_weights)]], Many] = []
    ordered: bool = Field(
        default=False,
        description="Where time is short, cases in the order of the file, not every model once before any twice.",
    )
    fallback_budget_s: Positive = 600.0
    jobs_per_worker: Count = Field(default=16, description=IGNORED)
    job_timeout_s: Positive = 300.0
    sampling: SamplingTable = SamplingTable()
    defaults: Axes = Axes()
    grid: list[Grid] = Field(min_length=1)


TABLES: Mapping[str, type[BaseModel]] = {"grid": Grid, "defaults": Axes, "sampling": SamplingTable}


def names() -> tuple[str, ...]:
    """Names of the suites that come with the package."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def name_of(reference: str) -> str:
    """The name of a suite that is given by its name or by a path, as in results/<name>. Raises SuiteError for one that would be another
    folder."""
    name = Path(reference).stem if _is_path(reference) else reference
    if problem := folders.name_problem(name, RESERVED):
        raise SuiteError(
            f"a suite called {name!r}: {problem}; its results go to a folder of that name: rename the file"
        )
    return name


def json_schema() -> dict[str, Any]:
    """The JSON Schema of suite files, for editors."""
    return TypeAdapter(SuiteFile).json_schema(by_alias=True)


def load(reference: str, overrides: Overrides | None = None) -> Suite:
    """The suite of a name, or of a path to a TOML file, with flags applied. Raises SuiteError, UnknownNameError."""
    path = _find(reference)
    name_of(str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path} cannot be read: {error}; a suite file is TOML in UTF-8") from error
    return expand(_parse(text, path), path, overrides or Overrides())


def source_of(reference: str) -> str:
    """The text of a suite's file. Raises SuiteError, UnknownNameError."""
    return _find(reference).read_text(encoding="utf-8")


def expand(file: SuiteFile, path: Path, overrides: Overrides) -> Suite:
    """The suite that a file and flags describe. Equal cases are merged. Raises SuiteError where no case is left, or
    none is what the file refers to."""
    grids = file.grid
    if overrides.model:
        grids = [Grid.model_construct(model=list(overrides.model))]
    cells: dict[tuple[Case, tuple[str, ...]], Cell] = {}
    for index, grid in enumerate(grids):
        for cell in _expand_grid(file.defaults, grid, f"grid[{index}]", overrides):
            cells.setdefault((cell.case, cell.prefer), cell)
    absent = [] if overrides.model else list(_find_absent(file, [cell.case for cell in cells.values()], overrides))
    if absent:
        raise SuiteError("\n".join(f"{path}: {name}" for name in absent))
    if overrides.models:
        there = sorted({cell.case.model for cell in cells.values()})
        cells = {
            key: cell
            for key, cell in cells.items()
            if any(fnmatch.fnmatchcase(cell.case.model, glob) for glob in overrides.models)
        }
        if not cells:
            raise SuiteError(_unmatched(path, overrides.models, there))
    metrics = _metrics(file.metrics, overrides.at or file.sampling.at, overrides)
    sampling = sampling_of(file.sampling, metrics, at=overrides.at, loads=overrides.loads)
    return Suite(
        name=path.stem,
        title=file.title,
        source=file.source,
        cells=tuple(cells.values()),
        metrics=metrics,
        sampling=sampling,
        reference=options_from(file.reference),
        control=file.control,
        plots=tuple(file.plots),
        across=tuple(file.across),
        weights=tuple(file.weights),
        ordered=file.ordered,
        fallback_budget_s=file.fallback_budget_s,
        job_timeout_s=file.job_timeout_s,
    )


def _metrics(names: Sequence[str], at: str, overrides: Overrides) -> tuple[str, ...]:
    """The metrics of a file, those that flags ask for, and what stands beside each."""
    more = [*(["latency"] if at else []), *([UNDER_LOAD] if overrides.loads else [])]
    every = [*names, *more]
    return tuple(dict.fromkeys([*every, *(beside for name in every for beside in described(name).beside)]))


def _unmatched(path: Path, globs: Sequence[str], there: Sequence[str]) -> str:
    """No model matches; one that is no glob may be meant to be measured all the same."""
    named = [glob for glob in globs if MODEL_NAME.fullmatch(glob)]
    how = f"; for a model that it has not: --model {','.join(named)}" if named else ""
    return f"no model of {path.stem} matches {', '.join(globs)}; it has {', '.join(there)}{how}"


def _folder() -> Path:
    """Where suites are: inside the wheel, or beside the package in a checkout."""
    inside = PACKAGE / "suites"
    return inside if inside.is_dir() else PACKAGE.parent / "suites"


def _is_path(reference: str) -> bool:
    return reference.endswith(".toml") or "/" in reference


def _find(reference: str) -> Path:
    if _is_path(reference):
        path = Path(reference)
        if not path.is_file():
            raise SuiteError(
                f"there is no suite file {path}; `lambdabench list suites` names those that come with the package"
            )
        return path
    if reference not in names():
        raise registry.unknown("suite", reference, names())
    return _folder() / f"{reference}.toml"


def _parse(text: str, path: Path) -> SuiteFile:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SuiteError(f"{path}: no TOML: {error}; mend that line") from error
    try:
        file = SuiteFile.model_validate(data)
    except ValidationError as error:
        problems = dict.fromkeys(_describe(error_details, text, path) for error_details in error.errors())
        raise SuiteError("\n".join(problems)) from error
    if nameless := list(_find_nameless(file)):
        lines = [
            f"{path}:{toml_lines.line(text, ('grid', number), TABLES)}: "
            f"grid.{number}: no model; name one in the grid, its rows or [defaults]"
            for number in nameless
        ]
        raise SuiteError("\n".join(lines))
    return file


def _describe(error: Any, text: str, path: Path) -> str:
    """One of pydantic's problems as file, line, key path, what was found, what is allowed."""
    where = [entry for entry in error["loc"] if isinstance(entry, int) or re.fullmatch(r"[\w.-]+", entry)]
    where = [
        number
        for number in where
        if number
        not in ("list", "str", "int", "float", "bool", "literal", "constrained-int", "constrained-str", "Prefer")
    ]
    key = ".".join(str(number) for number in where)
    item = error.get("input")
    if error["type"] == "extra_forbidden":
        table = TABLES.get(str(where[0])) if len(where) > 1 else None
        allowed = sorted(table.model_fields if table else _top_keys())
        near = difflib.get_close_matches(str(where[-1]), allowed, n=1)
        said = f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; allowed: {', '.join(allowed)}"
    else:
        message = error["msg"].removeprefix("Value error, ")
        said = f"found {item!r}; {message}" if error["type"] != "missing" else "missing; " + error["msg"]
    return f"{path}:{toml_lines.line(text, where, TABLES)}: {key}: {said}"


def _top_keys() -> list[str]:
    return ["schema" if name == "schema_" else name for name in SuiteFile.model_fields]


def _find_nameless(file: SuiteFile) -> Iterator[int]:
    """Grids that name no model."""
    for index, grid in enumerate(file.grid):
        if not file.defaults.model and not grid.model and not all(row.model for row in grid.rows or [Axes()]):
            yield index


def _find_absent(file: SuiteFile, cases: Sequence[Case], overrides: Overrides) -> Iterator[str]:
    """Models of the control pair, and a reference, that no case has. Axes that flags replace are the flags' business."""
    there = ", ".join(sorted({case.model for case in cases}))
    for name in file.control or ():
        if all(name != case.model for case in cases):
            yield f"control: no case has model = {name!r}; models: {there}; name one of these"
    asked = {key: value for key, value in file.reference.items() if key not in overrides.axes}
    if not any(all(str(getattr(case, key)) == str(value) for key, value in asked.items()) for case in cases):
        text = " and ".join(f"{key} = {value!r}" for key, value in asked.items())
        yield f"reference: no case has {text}; models: {there}; name one that a case has"


def _expand_grid(defaults: Axes, grid: Grid, label: str, overrides: Overrides) -> Iterator[Cell]:
    for number, row in enumerate(grid.rows or [Axes()]):
        axes, prefer = _merge(defaults, grid, row, overrides)
        options, fit = axes.pop("options"), axes.pop("fit", "")
        keys = list(axes)
        for values in itertools.product(*axes.values()):
            for chosen in itertools.product(*options.values()):
                picked = dict(zip(keys, values, strict=True))
                case = _case(picked, options_from(dict(zip(options, chosen, strict=True))))
                yield Cell(case=case, grid=f"{label}.rows[{number}]", exclude=_entries(grid), prefer=prefer, fit=fit)


def _merge(defaults: Axes, grid: Grid, row: Axes, overrides: Overrides) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Axes as lists, later ones winning; options merge key by key."""
    merged: dict[str, Any] = {}
    options: dict[str, Any] = {}
    for axes in (defaults, grid, row):
        given = {key: value for key in Axes.model_fields if (value := getattr(axes, key)) is not None}
        options |= given.pop("options", {})
        merged |= given
    options |= {name: list(values) for name, values in overrides.options.items()}
    device = merged.get("device")
    prefer = tuple(device.prefer) if isinstance(device, Prefer) and "device" not in overrides.axes else ()
    if isinstance(device, Prefer):
        merged.pop("device")
    merged |= {name: list(values) for name, values in overrides.axes.items()}
    if "image_px" in overrides.axes:
        options.pop(shapes.OPTION, None)
    if isinstance(merged.get("kind"), str):
        merged["kind"] = [merged["kind"]]
    return merged | {"options": options}, prefer


def _case(picked: Mapping[str, Any], options: Options) -> Case:
    fields = dict(picked)
    px = fields.pop("image_px", None)
    if fields.get("devices") == "all":
        fields["devices"] = ALL
    case = Case(**fields, options=options, model_hash=source_hash(fields["model"]))
    return shapes.settled(case, None if px == "native" else px)


def _entries(grid: Grid) -> tuple[tuple[tuple[str, str], ...], ...]:
    return tuple(tuple((key, str(value)) for key, value in values.items()) for values in grid.exclude or [])
