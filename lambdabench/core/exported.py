"""A network as a file that a runtime loads by itself: what is asked of the process that exports it, and what is known of the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .errors import ExportError, UnsupportedError
from .spec import Case

FORMATS: Mapping[str, str] = {"onnx": "net.onnx", "aot_inductor": "net.pt2", "executorch": "net.pte"}
"""What a backend's `FRAMEWORK` may be besides a framework -> the name of the file: one module of `tasks/exporters/` makes each."""
ARRAYS = "arrays.npz"
"""Beside the file: the seeded inputs as `input0`, `input1`, ... and what eager float32 gave on them as `output0`, ..."""
REQUEST, ANSWER = "request.json", "answer.json"
Problem = Literal["", "unsupported", "crash"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAsked:
    """What the exporting process reads: a case as its model sees it, without the backend's own options."""

    case: Case
    format: str
    seed: int
    quantize: str = "none"
    """none, dynamic or static: 8-bit integers by the format's own quantiser."""
    calibration: str = ""
    """The folder of images from which static takes its ranges; empty: seeded noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFacts:
    """What the exporting process says of its file, or why there is none. Counts are None where nobody counted."""

    problem: Problem = ""
    reason: str = ""
    file: str = ""
    """Its name beside this answer, or the place of a file of the user's."""
    exporter: str = ""
    """What wrote it, and the version of the format: "torch 2.15.0, opset 20"; of a user's file what it says itself."""
    seconds: float | None = None
    """Of exporting alone, frameworks loaded and the network made; None of a file that was there."""
    file_bytes: int = 0
    """With the weights that lie beside it."""
    weights: str = "random"
    parameters: int | None = None
    parameter_bytes: int | None = None
    flops: float | None = None
    """Of one step of the network as torch runs it, 2 x multiply-accumulate."""
    interaction_bytes: int | None = None
    features: str = ""
    """stride:channels of each feature map; empty where the output is no list of maps."""
    kernel: str = ""
    """What applies the lambdas of lambda layers in the file, as standard operators."""
    sources: tuple[tuple[str, str], ...] = ()
    """Of a user's own network: the files of its own that were imported, each with its digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A file with what is known of it: what a backend of such files is given in a workload's place."""

    folder: Path
    facts: ExportFacts

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.facts.file

    @property
    def weights(self) -> str:
        """Weights in it: "random", or a tag."""
        return self.facts.weights


@dataclass(frozen=True, slots=True, kw_only=True)
class FromFile:
    """What a session that runs a file says of it and of its loading."""

    export_s: float | None
    file_bytes: int
    load_s: float
    """From the file to a runtime that could answer: reading, optimising the graph, packing weights."""
    difference: float | None
    """The largest from eager float32's output on the same weights and inputs, as a share of its largest; None with nothing to compare."""


def refuse(facts: ExportFacts) -> None:
    """Raises UnsupportedError or ExportError where there is no file."""
    if facts.problem == "unsupported":
        raise UnsupportedError(facts.reason)
    if facts.problem:
        raise ExportError(facts.reason)
