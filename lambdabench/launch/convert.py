"""Has the worker convert a checkpoint: the parent loads no framework."""

import tempfile
from pathlib import Path

from ..core import codec
from ..core.conversion import Conversion, Converted
from ..core.errors import ConversionError
from .one_shot_worker import ask

LIMIT_S = 1800.0


def convert(asked: Conversion) -> Converted:
    """What was written. Raises ConversionError with the worker's problem or its last words; then nothing was."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-convert-") as name:
        folder = Path(name)
        codec.write(folder / "request.json", asked)
        if failed := ask("convert", folder, limit_s=LIMIT_S):
            raise ConversionError(f"the conversion {failed}; nothing was written: run it again, or lambdabench doctor")
        converted = codec.read(Converted, folder / "answer.json")
    if converted.problem:
        raise ConversionError(converted.problem)
    return converted
