"""Images from which a static quantiser takes the ranges of activations: of a folder, or seeded noise where none is given."""

from pathlib import Path
from typing import Any

import numpy as np

from ..core import image_folder
from ..core.errors import EvaluationError, UnsupportedError
from ..core.ports import Workload
from ..core.spec import Case

IMAGES = 32
"""Images that ranges are taken from, in whole batches: ONNX Runtime's own examples take some dozens."""
SEED = 1_000_003
"""Apart from the seeds of inputs that are timed."""


def batches(workload: Workload, case: Case, place: str, seed: int) -> tuple[list[list[Any]], str]:
    """(Arrays in the order of the network's inputs, of each batch; where they are from, in words). Raises UnsupportedError for a folder
    without images."""
    count = max(1, IMAGES // case.batch_size)
    if not place:
        made = [workload.arguments(workload.inputs(case, seed + SEED + number)) for number in range(count)]
        return [[item.numpy() for item in batch] for batch in made], f"{count * case.batch_size} seeded images of noise"
    from . import preprocessing

    try:
        folder = image_folder.find(Path(place), count * case.batch_size)
    except EvaluationError as error:
        raise UnsupportedError(str(error).replace("--data", "calibration")) from error
    read = preprocessing.reader(preprocessing.config_of(case, ""))
    images = [read(folder.place / name).numpy() for name, _ in folder.images]
    whole = [np.stack(images[start : start + case.batch_size]) for start in range(0, len(images), case.batch_size)]
    kept = [[batch] for batch in whole if len(batch) == case.batch_size]
    if not kept:
        raise UnsupportedError(
            f"calibration: {place} has {len(images)} images, fewer than a batch of {case.batch_size}; use a smaller --batch-size"
        )
    return kept, f"{len(kept) * case.batch_size} images of {Path(place).resolve().name} ({folder.digest})"
