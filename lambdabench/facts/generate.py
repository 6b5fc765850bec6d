"""`python -m lambdabench.facts.generate TABLE.csv --commit HASH`: writes timm.csv, the facts of every published weight of timm.

Accuracies and parameters are those of results-imagenet.csv in timm's repository, crop, interpolation and licence what the installed timm
says of the weights; what these saw is read off their tags. Where the two disagree, or a tag has a part that nobody explained, nothing
is written.
"""

import argparse
import csv
import hashlib
import importlib
import math
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from ..core import foreign
from ..core.errors import FactError, LambdabenchError, MissingExtraError
from ..core.registry import ROOT
from . import weights
from .fact import VALIDATION_IMAGES, Fact
from .tags import seen
from .weights import MILLION, Described

HEADER = (
    "model", "img_size", "top1", "top1_err", "top5", "top5_err", "param_count", "crop_pct", "interpolation",
)  # fmt: skip
"""Of results-imagenet.csv; timm's tables of other images have further columns, its tables of speeds others."""
WANTED = "give results/results-imagenet.csv of timm's repository"
COMMIT = re.compile(r"[0-9a-f]{7,40}")
ROUNDED = 0.00051
"""By so much a printed crop may differ: three decimals, and 0.8975 is printed as 0.897."""
Describe = Callable[[str], Described | None]


def main(arguments: Sequence[str]) -> int:
    """Writes the file and says what is in it. Exit code 2, and nothing written, where it cannot be made."""
    parser = argparse.ArgumentParser(prog=f"python -m {ROOT}.facts.generate", description=__doc__)
    parser.add_argument("table", type=Path, metavar="TABLE.csv", help="results-imagenet.csv of timm's repository")
    parser.add_argument("--commit", type=_commit, required=True, help="of that repository, which the table is of")
    parser.add_argument("--out", type=Path, default=weights.PATH, help="default: %(default)s")
    asked = parser.parse_args(arguments)
    try:
        text = generate(asked.table, asked.commit)
        _write(text, asked.out)
    except LambdabenchError as error:
        sys.stderr.write(f"error: {foreign.lines(str(error))}\n")
        return error.exit_code
    facts = weights.read(asked.out)
    names = {(fact.architecture, fact.tag) for fact in facts}
    architectures = {fact.architecture for fact in facts}
    sys.stdout.write(
        f"{len(facts)} accuracies of {len(names)} weights of {len(architectures)} architectures in {asked.out}\n"
    )
    return 0


def generate(table: Path, commit: str) -> str:
    """The file of a table, by the installed timm. Raises FactError, and MissingExtraError without timm."""
    content = _content(table)
    rows = read_table(content, table)
    installed = _installed()
    facts = facts_of(rows, installed.described, installed.VERSION)
    return weights.written(facts, head(commit, hashlib.sha256(content).hexdigest(), installed.VERSION))


def head(commit: str, digest: str, version: str) -> tuple[str, ...]:
    """The lines that say where the facts are from."""
    return (
        f"Top-1 and top-5 in percent of ImageNet-1k's {VALIDATION_IMAGES:,} validation images, and parameters in millions:",
        f"{weights.URL.format(commit=commit)}, sha256 {digest}.",
        f"Crop, interpolation and licence: timm {version} as installed. Data beyond ImageNet-1k, of the weights and of what taught them:",
        f"read off architecture and tag (facts/tags.py). Written by python -m {ROOT}.facts.generate, not by hand.",
    )


def read_table(content: bytes, path: Path) -> list[dict[str, str]]:
    """The rows of results-imagenet.csv. Raises FactError for another table."""
    try:
        reader = csv.DictReader(content.decode("utf-8").splitlines(), strict=True)
        columns, rows = tuple(reader.fieldnames or ()), list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise FactError(f"{path} is no table: {error}; {WANTED}") from error
    if columns != HEADER:
        raise FactError(
            f"found the columns {', '.join(columns) or 'of an empty file'} in {path}, expected {', '.join(HEADER)}; {WANTED}"
        )
    for number, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise FactError(f"found another number of cells than columns in line {number} of {path}; {WANTED}")
    if not rows:
        raise FactError(f"found no row in {path}; {WANTED}")
    return rows


def facts_of(rows: Sequence[Mapping[str, str]], describe: Describe, version: str) -> list[Fact]:
    """A fact a row. Raises FactError for weights that `describe` does not know or describes otherwise, for a tag that is not explained,
    and for a row that stands twice."""
    facts: dict[tuple[str, int], Fact] = {}
    for row in rows:
        described = describe(row["model"])
        if described is None:
            raise FactError(
                f"found {row['model']} in the table, of which timm {version} has no weights; "
                "install the timm that the table is of, or take the table of this one"
            )
        fact = fact_of(row, described, version)
        if facts.setdefault((row["model"], fact.eval_px), fact) is not fact:
            raise FactError(f"found {row['model']} twice at {fact.eval_px} px in the table, expected it once; {WANTED}")
    return list(facts.values())


def fact_of(row: Mapping[str, str], described: Described, version: str) -> Fact:
    """One row's. Raises as `facts_of` does."""
    architecture, _, tag = row["model"].partition(".")
    what, px = seen(architecture, tag), int(_number(row, "img_size"))
    if row["interpolation"] != described.interpolation:
        raise _disagreement(row, "interpolation", described.interpolation, version)
    return Fact(
        architecture=architecture,
        tag=tag,
        eval_px=px,
        crop=_crop(row, px, described, version),
        value=_percent(row, "top1"),
        images=VALIDATION_IMAGES,
        source=weights.SOURCE,
        top5=_percent(row, "top5"),
        parameters=round(_number(row, "param_count") * MILLION),
        interpolation=described.interpolation,
        licence=described.licence,
        data=what.data,
        taught_by=what.taught_by,
    )


def _crop(row: Mapping[str, str], px: int, described: Described, version: str) -> float:
    """timm's, of the size of a row; the table's is rounded."""
    printed = _number(row, "crop_pct")
    for size, crop in described.crops:
        if size == px and abs(crop - printed) <= ROUNDED:
            return crop
    name = " or ".join(f"{crop} at {size}" for size, crop in dict.fromkeys(described.crops))
    raise _disagreement(row, "crop_pct", name, version)


def _disagreement(row: Mapping[str, str], column: str, name: str, version: str) -> FactError:
    return FactError(
        f"found {column} {row[column]} of {row['model']} at {row['img_size']} px in the table, where timm {version} says {name}; "
        "install the timm that the table is of, or take the table of this one"
    )


def _percent(row: Mapping[str, str], column: str) -> float:
    """A share of the images."""
    value = _number(row, column)
    if not 0 <= value <= 100:
        raise FactError(f"found {column} {row[column]} of {row['model']} in the table, expected a percentage; {WANTED}")
    return value


def _number(row: Mapping[str, str], column: str) -> float:
    """A printed number; thousands are parted by commas."""
    try:
        value = float(row[column].replace(",", ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FactError(f"found {column} {row[column]!r} of {row['model']} in the table, expected a number; {WANTED}")
    return value


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FactError(f"cannot read {path}: {error.strerror}; {WANTED}") from error


def _write(text: str, path: Path) -> None:
    """All of it or nothing."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8", newline="\n")
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise FactError(
            f"cannot write {path}: {error.strerror}; name a file in a folder that is there with --out"
        ) from error


def _installed() -> ModuleType:
    """The module that knows timm's weights, loaded when it is needed: timm loads torch."""
    if not (find_spec("timm") and find_spec("torch")):
        raise MissingExtraError('what timm says of its weights needs an extra: pip install "lambdabench[torch]"')
    return importlib.import_module(f"{__package__}.torch")


def _commit(text: str) -> str:
    if not COMMIT.fullmatch(text):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected the 7 to 40 hexadecimal digits of a commit")
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
