"""What the LambdaNetworks paper claims, and under which conditions and by which rule each claim is re-tested: claims.toml, read and hashed.

The file is data that every verdict names by its SHA-256, so that nobody can move a goal post without a trace.
"""

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..core import codec
from ..core.errors import FactError
from ..core.spec import Value

FILE = Path(__file__).parent / "claims.toml"
Kind = Literal["curve", "ratio", "count", "training"]
"""Speeds at equal accuracy along curves; of two networks; counts, which no clock tells; what only training would tell."""
Rule = Literal["faster", "equal"]
KINDS_OF_DEVICES = ("cpu", "cuda", "tpu")
PAPER = "paper"
"""Among weights: the accuracy that the paper has of a network."""
SEPARATOR = "@"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How both sides of a ratio run; "" and 0 are as the headline has it."""

    backend: str = ""
    dtype: str = ""
    batch_size: int = 0
    layout: str = ""
    fold: bool | None = None
    compile_mode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionSet:
    """The conditions of a claim, by kind of device: the headline, and what the others change of it."""

    name: str
    mode: str
    headline: dict[str, Setting]
    others: dict[str, tuple[Setting, ...]] = field(default_factory=dict[str, tuple[Setting, ...]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One claim. `mine`, `theirs`, `at`: networks as "model@px"; `quoted`: the paper's ratio of mine over theirs in speed, or of theirs
    over mine in size."""

    id: str
    says: str
    where: str
    kind: Kind
    rule: Rule = "faster"
    quoted: float = 1.0
    printed: str = ""
    set: str = ""
    metric: str = "throughput"
    mine: tuple[str, ...] = ()
    theirs: tuple[str, ...] = ()
    mine_options: dict[str, Value] = field(default_factory=dict[str, Value])
    theirs_options: dict[str, Value] = field(default_factory=dict[str, Value])
    curves: str = ""
    at: tuple[str, ...] = ()
    accuracy: str = ""
    """"quoted" where the claim is of networks of equal accuracy, which nobody measured here."""

    @property
    def is_at_accuracy(self) -> bool:
        """Whether it rests on accuracies that are quoted."""
        return self.kind == "curve" or self.accuracy == "quoted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Whose networks, with which weights, are "theirs": which recipe is meant by a name moves an answer as much as the runtime does."""

    recipe: str
    says: str
    models: tuple[str, ...]
    weights: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Networks along whose best speeds at each accuracy a family goes, and those of each recipe of the other."""

    name: str
    mine: tuple[str, ...]
    weights: tuple[str, ...]
    theirs: tuple[Recipe, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A known fault of a library. `versions`: how the affected ones begin; `models`: globs; `dtypes`: all where none is named."""

    library: str
    versions: tuple[str, ...]
    device: str
    models: tuple[str, ...]
    says: str
    source: str
    dtypes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The whole file. `sha256`: of its bytes. `widest`: half width of a logarithm's interval beyond which nothing is told, unless `power`
    asks for less; `power`: that, over ln(quoted), at which a true claim is called replicated in 95 of 100 measurements."""

    version: int
    sha256: str
    widest: float
    power: float
    rules: dict[str, str]
    sets: tuple[ConditionSet, ...]
    claims: tuple[Claim, ...]
    curves: tuple[Curves, ...]
    witness: Curves
    """Of networks that stand in tables that others published."""
    faults: tuple[Fault, ...]

    def set_of(self, claim: Claim) -> ConditionSet | None:
        """Its conditions; None where it has none."""
        return next((item for item in self.sets if item.name == claim.set), None)

    def curves_of(self, claim: Claim) -> Curves:
        """Its families. Raises KeyError where it names none."""
        return {item.name: item for item in self.curves}[claim.curves]


@functools.cache
def claims() -> Claims:
    """The claims of this package."""
    return read(FILE.read_bytes())


def read(content: bytes) -> Claims:
    """The claims of a file. Raises FactError where it is none."""
    try:
        tables: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
        families = codec.decode(tuple[Curves, ...], tables["curves"])
        known = Claims(
            version=codec.decode(int, tables["version"]),
            sha256=hashlib.sha256(content).hexdigest(),
            widest=codec.decode(float, tables["widest"]),
            power=codec.decode(float, tables["power"]),
            rules=codec.decode(dict[str, str], tables["rules"]),
            sets=codec.decode(tuple[ConditionSet, ...], tables["set"]),
            claims=codec.decode(tuple[Claim, ...], tables["claim"]),
            curves=families,
            witness={item.name: item for item in families}[tables["witness"]],
            faults=codec.decode(tuple[Fault, ...], tables["fault"]),
        )
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise FactError(f"claims.toml cannot be read: {error}; restore it as lambdabench ships it") from error
    if strange := _strange(tables, known):
        raise FactError(f"claims.toml: {strange}; restore it as lambdabench ships it")
    return known


def network(name: str) -> tuple[str, int]:
    """(Model, pixels a side) of "model@px"."""
    model, _, px = name.partition(SEPARATOR)
    return model, int(px)


def settings(conditions: ConditionSet, kind: str) -> tuple[Setting, ...]:
    """The conditions on a kind of device, the headline first, each with all that it has; none where the set has none there."""
    headline = conditions.headline.get(kind)
    if headline is None:
        return ()
    usual = Setting(layout="contiguous", fold=False, compile_mode="default")
    first = _over(headline, usual)
    return (first, *(_over(other, first) for other in conditions.others.get(kind, ())))


def _over(changes: Setting, before: Setting) -> Setting:
    return Setting(
        backend=changes.backend or before.backend,
        dtype=changes.dtype or before.dtype,
        batch_size=changes.batch_size or before.batch_size,
        layout=changes.layout or before.layout,
        fold=before.fold if changes.fold is None else changes.fold,
        compile_mode=changes.compile_mode or before.compile_mode,
    )


def _strange(tables: Mapping[str, Any], known: Claims) -> str:
    """The first thing that nothing reads, or that refers to nothing; empty where all is well."""
    types = {"claim": Claim, "curves": Curves, "set": ConditionSet, "fault": Fault}
    for name, kind in types.items():
        fields = set(kind.__dataclass_fields__)
        for table in tables[name]:
            if more := sorted(set(table) - fields):
                return f"found the key {more[0]!r} in [[{name}]], expected {', '.join(sorted(fields))}"
    ids = [claim.id for claim in known.claims]
    if len(set(ids)) < len(ids):
        return "two claims have one id"
    for claim in known.claims:
        if claim.kind in ("curve", "ratio") and known.set_of(claim) is None:
            return f"claim {claim.id} names no set of conditions: {claim.set!r}"
        if claim.kind == "curve" and claim.curves not in {item.name for item in known.curves}:
            return f"claim {claim.id} names no curves: {claim.curves!r}"
    return ""
