"""An evaluation: what is asked of the worker, what its predictions are of, and what they come to beside the right answers."""

import hashlib
from dataclasses import dataclass

from . import codec
from .identity import canonical
from .record import Effective, Measurement
from .spec import Case, Environment, Options

SUITE = "evaluate"
"""The suite of rows that an evaluation made, and the folder of them below the results."""
WEIGHTS, DATA = "weights", "data"
"""Options of an evaluation's case: which weights were loaded and on which images; no part of what the network is."""
LIKELIEST = 5
"""Classes that are kept of each image, the likeliest first."""
DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What predictions are of: equal subjects share a file. `weights` is timm's tag or the digest of a checkpoint, `data` the digest of
    the images that were chosen, `fingerprint` the environment's."""

    model: str
    weights: str
    backend: str
    device: str
    dtype: str
    image_px: int
    options: Options = ()
    data: str
    images: int
    fingerprint: str

    @property
    def key(self) -> str:
        """12 hex digits that name its file."""
        return hashlib.sha256(canonical(codec.encode(self)).encode()).hexdigest()[:DIGITS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What the worker is asked. `case` is resolved, with the network's own options; `images` are paths below `folder` with their classes,
    in the order in which they are looked at; `predictions` is the file that answers are appended to."""

    case: Case
    subject: Subject
    tag: str = ""
    """timm's, of the weights and of their preprocessing."""
    checkpoint: str = ""
    """A file; empty where weights are timm's."""
    folder: str
    images: tuple[tuple[str, int], ...]
    classes: tuple[str, ...]
    is_limited: bool = False
    predictions: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """The first line of a file of predictions: what they are of, and how the network ran."""

    subject: Subject
    case: Case
    started_at: str
    """UTC, ISO 8601."""
    place: str
    """The name of the folder of images."""
    classes: int
    is_limited: bool
    preprocessing: str
    """What was done to an image, in words."""
    effective: Effective
    environment: Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What the worker says in the end; `problem` is why it did not look at all images, empty where it did."""

    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What an accuracy is made of: for each image its class, the likeliest classes by the network, and the likeliest one in float32 eager
    where that is known. `classes` are those that the network tells apart."""

    labels: tuple[int, ...]
    likeliest: tuple[tuple[int, ...], ...]
    classes: int
    reference: tuple[int, ...] | None = None

    def share(self, metric: str, count: int) -> Measurement:
        """So many of the images, as a measurement in percent of one sample."""
        images = len(self.labels)
        return Measurement(
            metric=metric,
            unit="%",
            value=None,
            samples=(100 * count / images,),
            loops_per_sample=images,
            statistic="mean_share",
        )
