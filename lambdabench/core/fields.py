"""What a case is, said once: its fields, what each is called and takes, which part cases, and how a value of it reads beside others.

Suites, flags, identities, columns, checks, fronts, ratios, curves, panels, labels and tables read this list: what varies among cases
that stand together is told, and what would compare two programs or two machines is never one front, one curve or one ratio.
"""

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import options as told_options
from .spec import DTYPES, KINDS, LAYOUTS, MODES, Case, Value

OPTION = "options."


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a case, or of the rows around it. `parts`: cases that differ in it are other programs, or ran on another machine or
    for another purpose."""

    name: str
    """A column of the rows; `options.NAME` is one option."""
    title: str
    """Over a column of a table."""
    words: str = "{}"
    """How a value reads in a label."""
    of_network: bool = False
    """Whether it says which network it is, and not how, where or at what size that runs."""
    parts: bool = False
    joins: bool = False
    """Whether somebody may ask for one front over it: it says how a network runs, not on what or for what."""
    of_framework: bool = False
    """Whether each framework has its own: two that run one network are held against each other all the same."""
    settled_by: str = ""
    """The field that tells it as well, where it does."""
    is_quiet: bool = False
    """Whether its usual value, `usual`, needs no word beside numbers."""
    flag: str = ""
    """What `run --help` says of its flag, `{choices}` in it filled in; empty where it has none."""
    takes_many: bool = False
    """Whether the flag takes several values, with commas between."""
    repeats: bool = False
    """Whether the command that measures a case again says it."""
    choices: tuple[str, ...] = ()
    """All its values, where there are so few."""
    is_number: bool = False
    """Whether it counts something, up to `spec.LARGEST`."""
    least: int = 1
    """Of a number."""
    is_name: bool = False
    """Whether it is a text that is never empty."""
    is_first: bool = False
    """Whether its column stands among the first of a file, which rows of all versions have; that of a later field follows them."""
    id_default: Any = dataclasses.field(default=None, hash=False)
    """The value with which it is no part of a case's identity, None where it always is: said with a new field and never edited, so that
    ids stay; apart from `usual`, so that that can change."""
    default: Value | None = None
    """Of an option that was not given; None: a network without it has no choice, and stands with every value of the others."""

    @property
    def help(self) -> str:
        """What `run --help` says of its flag."""
        return self.flag.format(choices=", ".join(self.choices))


CHOICES = "{choices}; comma-separated."

FIELDS = (
    Field(name="suite", title="suite", is_name=True, is_first=True),
    Field(name="kind", title="kind", of_network=True, parts=True, choices=KINDS, is_first=True, id_default="model"),
    Field(
        name="model",
        title="model",
        of_network=True,
        flag="In place of the suite's models: any by name, and your own, file.py:callable, package.module:callable, net.pt2 or net.onnx; "
        "comma-separated. inputs(batch_size) beside the callable says what it is fed. Loading your own runs its code, of a .pt2 too, "
        "under --dry-run as well.",
        takes_many=True,
        is_name=True,
        is_first=True,
    ),
    Field(name="model_hash", title="source", words="source {:.6}", of_network=True, settled_by="model", id_default=""),
    Field(
        name="image_px",
        title="px",
        words="{} px",
        flag="Pixels a side, 96x160, or native; comma-separated.",
        takes_many=True,
        repeats=True,
        is_number=True,
        least=0,
        is_first=True,
    ),
    Field(
        name="batch_size",
        title="batch",
        words="batch {}",
        flag="Images a step, comma-separated.",
        takes_many=True,
        repeats=True,
        is_number=True,
        is_first=True,
    ),
    Field(name="device_name", title="machine", parts=True, is_first=True),
    Field(
        name="device",
        title="device",
        parts=True,
        settled_by="device_name",
        flag="cpu, cuda, cuda:1, mps, xpu, tpu. Default: the suite's, else the best here.",
        repeats=True,
        is_name=True,
        is_first=True,
    ),
    Field(
        name="devices",
        title="devices",
        words="{} devices",
        parts=True,
        is_quiet=True,
        flag="Devices to spread a batch over: a number, or all (jax_jit).",
        repeats=True,
        is_number=True,
        is_first=True,
        id_default=1,
    ),
    Field(
        name="backend",
        title="backend",
        parts=True,
        joins=True,
        of_framework=True,
        is_quiet=True,
        flag="Runtimes, comma-separated (lambdabench list backends).",
        takes_many=True,
        repeats=True,
        is_name=True,
        is_first=True,
        id_default="torch_eager",
    ),
    Field(
        name="mode",
        title="mode",
        parts=True,
        is_quiet=True,
        flag=CHOICES,
        takes_many=True,
        repeats=True,
        choices=MODES,
        is_first=True,
        id_default="inference",
    ),
    Field(
        name="dtype",
        title="dtype",
        parts=True,
        joins=True,
        is_quiet=True,
        flag=CHOICES,
        takes_many=True,
        repeats=True,
        choices=DTYPES,
        is_first=True,
        id_default="float32",
    ),
    Field(
        name="param_dtype",
        title="parameters",
        words="parameters {}",
        parts=True,
        joins=True,
        settled_by="dtype",
        is_first=True,
        id_default="float32",
    ),
    Field(
        name="layout",
        title="layout",
        parts=True,
        joins=True,
        of_framework=True,
        is_quiet=True,
        flag=CHOICES,
        takes_many=True,
        repeats=True,
        choices=LAYOUTS,
        is_first=True,
        id_default="contiguous",
    ),
    Field(
        name="threads",
        title="threads",
        words="{} threads",
        parts=True,
        joins=True,
        settled_by="device_name",
        flag="CPU threads. Default: usable physical cores.",
        is_number=True,
        is_first=True,
    ),
    Field(
        name="fingerprint",
        title="environment",
        words="env {:.6}",
        parts=True,
        settled_by="device_name",
        is_name=True,
        is_first=True,
    ),
)
"""In the order in which they are told."""
OPTIONS = Field(name="options", title="options", of_network=True, is_first=True, id_default={})
"""All options in one; those that make another program are told as `PROGRAMS`."""
WEIGHTS = Field(name="weights", title="weights", is_first=True)
ASKED_BATCH = Field(name="requested_batch_size", title="asked batch", is_number=True, is_first=True)
"""What a row has beside its case: the weights that were loaded, and the images a step that were asked for."""
PROGRAMS = (
    Field(name="options.fold", title="fold", words="fold={}", parts=True, joins=True, default=False),
    Field(
        name="options.cudnn_benchmark",
        title="cudnn_benchmark",
        words="cudnn_benchmark={}",
        parts=True,
        joins=True,
        default=False,
    ),
    Field(name="options.caches", title="caches", words="{} caches", parts=True, joins=True, default="warm"),
    Field(
        name="options.compile_mode",
        title="compile_mode",
        words="compile_mode={}",
        parts=True,
        joins=True,
        default="default",
    ),
    Field(
        name="options.compile_cache",
        title="compile_cache",
        words="compile_cache={}",
        parts=True,
        joins=True,
        default="off",
    ),
    Field(
        name="options.graph_optimization",
        title="graph_optimization",
        words="graph optimization {}",
        parts=True,
        joins=True,
        default="all",
    ),
    Field(
        name="options.provider",
        title="provider",
        words="provider {}",
        parts=True,
        joins=True,
        default="default",
    ),
    Field(name="options.quantize", title="quantize", words="int8 {}", parts=True, joins=True, default="none"),
    Field(name="options.calibration", title="calibration", words="ranges from {}", parts=True, joins=True, default=""),
    Field(name="options.kernel", title="kernel", words="kernel={}", parts=True, joins=True),
)
"""Options that make another program of one network. All others make another network, which may stand beside the first."""
PARTING = tuple(field for field in (*FIELDS, *PROGRAMS) if field.parts)
JOINING = tuple(field for field in PARTING if field.joins)
NAMED: Mapping[str, Field] = {field.name: field for field in (*FIELDS, OPTIONS, *PROGRAMS)}
PLACES = ("model", "image_px", "batch_size", "suite")
"""Fields that a figure or a table has a place of its own for."""
SETTINGS = tuple(field for field in FIELDS if field.name not in PLACES)
OF_CASE = tuple(NAMED[name] for name in Case.__slots__)
"""Those that a `Case` has, in its order."""
RUNNING = tuple(field for field in OF_CASE if not field.of_network)
"""Of a case: how, where and at what size a network runs."""
COMPARED = tuple(field for field in OF_CASE if field.parts or field.name == "batch_size")
"""Of a case: what two have in common whose ratio is one of their models."""
USUAL: Mapping[str, Any] = {field.name: field.default for field in dataclasses.fields(Case) if field.name != "model"}
"""The value of each field of a case that was not given; None: as the machine, the model or another field has it."""


def columns() -> tuple[Field, ...]:
    """What rows and tables say of a case, in the order of their columns."""
    running = [more for field in RUNNING for more in ((field, ASKED_BATCH) if field.name == "batch_size" else (field,))]
    return (*(field for field in FIELDS if field.of_network), WEIGHTS, *running, OPTIONS, NAMED["device_name"])


def quiet(*but: str) -> dict[str, Any]:
    """The usual values that need no word, by their fields, those aside that are told in any case."""
    return {field.name: USUAL[field.name] for field in FIELDS if field.is_quiet and field.name not in but}


def value(row: Mapping[str, Any], field: Field) -> Any:
    """A row's value of a field, "" where it has none; an option's from the row's options."""
    option = field.name.removeprefix(OPTION)
    result = row.get(field.name) if option == field.name else options(row).get(option, field.default)
    if result is None or result != result:  # NaN is no value
        return ""
    return int(result) if field.is_number else result


def options(row: Mapping[str, Any]) -> Mapping[str, Value]:
    """A row's options, whether as stored text or as a case's pairs."""
    item = row.get("options") or "{}"
    return _parsed(item) if isinstance(item, str) else dict(item)


@functools.lru_cache(maxsize=10_000)
def _parsed(text: str) -> Mapping[str, Value]:
    return json.loads(text)


def word(field: Field, item: Any) -> str:
    """A value as a label has it, "224 px"; "" for none."""
    if item == "":
        return ""
    name = str(item)
    text = field.words.format(name.lower() if name in ("True", "False") else name)
    return text.removesuffix("s") if field.is_number and item == 1 else text


def varying(rows: Sequence[Mapping[str, Any]], among: Iterable[Field] = SETTINGS) -> tuple[Field, ...]:
    """The fields in which rows differ, but those that another one settles."""
    fields: list[Field] = []
    for field in among:
        settler = NAMED.get(field.settled_by)
        pairs = {(value(row, settler) if settler else "", value(row, field)) for row in rows}
        if len(pairs) > len({first for first, _ in pairs}):
            fields.append(field)
    return tuple(fields)


def phrase(row: Mapping[str, Any], among: Iterable[Field]) -> str:
    """A row's words of some fields, "bfloat16, 2 threads"."""
    return ", ".join(text for field in among if (text := word(field, value(row, field))))


def labels(rows: Sequence[Mapping[str, Any]], among: Iterable[Field] = SETTINGS) -> list[str]:
    """What tells each row from the others, its model aside; see `teller`."""
    tell = teller(rows, among)
    return [tell(row) for row in rows]


def teller(
    rows: Sequence[Mapping[str, Any]], among: Iterable[Field] = SETTINGS, of_model: Iterable[Field] = ()
) -> Callable[[Mapping[str, Any]], str]:
    """What tells a row from others of `rows`, its model aside: the fields of `among` in which these differ, and, as far as rows of its
    model differ in them, those of `of_model` and its options; "" for nothing."""
    fields = varying(rows, among)
    models: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        models.setdefault(str(row["model"]), []).append(row)
    more = {model: varying(same, of_model) for model, same in models.items()}
    keys = {model: told_options.differing([(model, options(row)) for row in same]) for model, same in models.items()}

    def tell(row: Mapping[str, Any]) -> str:
        model = str(row["model"])
        spelled = told_options.phrase(options(row), keys.get(model, ()))
        return ", ".join(filter(None, (phrase(row, (*fields, *more.get(model, ()))), spelled)))

    return tell
