"""Checkpoints from one framework to the other, refused before a framework is loaded where the request alone says why."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from .. import launch, models
from ..core import flags
from ..core.conversion import STATE_DICTS, SUFFIXES, Conversion, Converted
from ..core.errors import ConversionError, MissingExtraError
from ..core.spec import Options, Value

NEEDED = ("torch", "safetensors", "ml_dtypes")


def convert(asked: Conversion) -> Converted:
    """Writes `asked.target`. Raises ConversionError with all that is wrong; then the target is as it was."""
    source, target = Path(asked.source), Path(asked.target)
    for path in (source, target):
        if path.suffix not in SUFFIXES:
            raise ConversionError(f"{path}: found suffix {path.suffix!r}, expected one of {', '.join(SUFFIXES)}")
    if not source.is_file():
        raise ConversionError(f"there is no file {source}; give the file of weights that is to be converted")
    if not target.parent.is_dir():
        raise ConversionError(f"there is no folder {target.parent} to write {target.name} into; make it first")
    if target.exists() and not asked.force:
        raise ConversionError(f"{target} is there already; --force replaces it")
    if asked.to == "jax" and target.suffix in STATE_DICTS:
        raise ConversionError(f"{target} would be torch's own file, which JAX does not read; write .safetensors")
    if absent := [name for name in NEEDED if not find_spec(name)]:
        raise MissingExtraError(f"conversion needs {', '.join(absent)}: {models.INSTALL['torch']}")
    return launch.convert(asked)


def options_of(words: Sequence[str], **more: int | None) -> Options:
    """Options of `key=value` words: a value is JSON (8, 0.5, true), else text. Raises RequestError for any other word."""
    values: dict[str, Value] = {}
    for word in words:
        key, text = flags.pair(word, "--option")
        values[key] = flags.value(text)
    values |= {key: number for key, number in more.items() if number is not None}
    return tuple(sorted(values.items()))
