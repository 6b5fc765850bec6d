"""Parameters as the BoTNet paper prints them (arXiv 2101.11605), one network a row of counts.csv.

It counts kernels: weights of convolutions and matrix products, without batch norms, biases and tables of relative positions. So count
T3, T4, T5 and T7 to the printed digit, T5 and T7 alike though their tables differ, and its ResNet-50 (25.5 where others print 25.6).
With everything that is learnt ours have 0.4 % more.
"""

import csv
import functools
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedCount:
    """Million kernel weights of a network of ours, with the printed decimals; `derived` what they should be, empty unless misprinted."""

    model: str
    image_px: int
    printed: str
    derived: str
    source: str
    note: str


@functools.cache
def printed_counts() -> tuple[PrintedCount, ...]:
    """Every row of counts.csv."""
    with (Path(__file__).parent / "counts.csv").open(encoding="utf-8") as file:
        return tuple(
            PrintedCount(
                model=row["model"],
                image_px=int(row["image_px"]),
                printed=row["printed"],
                derived=row["derived"],
                source=row["source"],
                note=row["note"],
            )
            for row in csv.DictReader(file)
        )


def is_kernel(name: str, dimensions: int) -> bool:
    """Whether the paper counts a weight of this name and number of dimensions."""
    return dimensions > 1 and not name.endswith("_embeddings")
