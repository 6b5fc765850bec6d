"""A second witness: networks that stand in tables of speed which others published, at equal accuracy. Quoted, never measured here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..facts.claims import Claims, Fault, Recipe, network
from ..facts.priors import Speeds
from .claim_accuracy import top1
from .claim_conditions import fault_of
from .equal_accuracy import Points, compared

TORCH = re.compile(r"pt(\d)(\d+)(\d)(?!\d)")
"""The version in the name of a table of timm's, "pt240" for 2.4.0."""
CUDA = "cu"
DTYPES = {"amp": "float16", "fp32": "float32"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A published table: image/s of networks by "model@px"."""

    name: str
    rates: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """A network over a recipe of the other family at its own accuracy, in one table; None outside of their curve, or where the table lacks
    the network. Others chose batches and runtimes, and say no error."""

    table: str
    name: str
    recipe: str
    value: float | None
    reason: str = ""
    fault: Fault | None = None


def tables_of(speeds: Speeds) -> tuple[Table, ...]:
    """The published tables of this package (facts/speeds.csv)."""
    return tuple(
        Table(
            name=source.name,
            rates={
                f"{network.architecture}@{network.image_px}": float(np.exp(log))
                for network in speeds.networks
                if (log := network.log_speeds[place]) is not None
            },
        )
        for place, source in enumerate(speeds.sources)
    )


def witnessed(known: Claims, tables: Sequence[Table]) -> tuple[Witnessed, ...]:
    """Every network of the claims' witness in every table, over each recipe."""
    return tuple(_all(known, tables))


def _all(known: Claims, tables: Sequence[Table]) -> Iterator[Witnessed]:
    for table in tables:
        for name in known.witness.mine:
            for recipe in known.witness.theirs:
                yield _of_table(known, table, name, recipe)


def _of_table(known: Claims, table: Table, name: str, recipe: Recipe) -> Witnessed:
    fault = fault_of([_line(table, name)], known.faults)
    percent, rate = top1(name, known.witness.weights), table.rates.get(name)
    if rate is None or percent is None:
        return Witnessed(table=table.name, name=name, recipe=recipe.recipe, value=None, reason="not in the table")
    curve = [
        (1 / table.rates[item], accuracy)
        for item in recipe.models
        if item in table.rates and (accuracy := top1(item, recipe.weights)) is not None
    ]
    seconds, accuracies = np.array([(1 / rate, percent), *curve]).T
    count = len(seconds)
    points = Points(seconds=seconds, log_sd=np.full(count, np.nan), top1=accuracies, weights=np.arange(count))
    value = None
    if count > 1:
        value = compared(points, np.arange(1), np.arange(1, count), [percent]).asked.value
    return Witnessed(
        table=table.name,
        name=name,
        recipe=recipe.recipe,
        value=value,
        reason="" if value is not None else "outside of their curve",
        fault=fault,
    )


def _line(table: Table, name: str) -> dict[str, str]:
    """What a table's name tells of how it was made, as a case has it."""
    version = TORCH.search(table.name)
    return {
        "model": network(name)[0],
        "device": "cuda" if f"-{CUDA}" in table.name else "cpu",
        "dtype": next((dtype for word, dtype in DTYPES.items() if word in table.name.split("-")), ""),
        "env_torch": ".".join(version.groups()) if version else "",
    }
