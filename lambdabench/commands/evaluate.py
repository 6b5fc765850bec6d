"""Accuracy on somebody's images: from a request to predictions, kept image by image, and to rows beside those of speed."""

import hashlib
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from .. import launch, models, plan
from ..core import folders, image_folder, registry
from ..core.errors import DeviceError, EvaluationError, MismatchError, MissingExtraError
from ..core.evaluation import DIGITS, SUITE, Evaluation, Subject
from ..core.folders import RESULTS
from ..core.identity import fingerprint
from ..core.image_folder import ImageFolder
from ..core.predictions import ENDING, Predictions
from ..core.spec import Case, Cell, Machine, ModelFacts, Options, Suite, Wish
from ..machine import lease
from ..worker.opening_metrics import difference
from . import _judgement as judging
from ._judgement import Judgement

NEEDED = ("torch", "timm", "torchvision", "safetensors", "ml_dtypes")
PREDICTIONS = "predictions"
"""The folder of predictions below that of an evaluation's rows."""
BATCH = 64
"""Images at once where nobody says how many."""
LOOK_S = 0.5
"""Between two looks at what was predicted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateRequest:
    """What `evaluate` is asked for. `model` may have timm's tag behind a dot; `image_px` None is the model's own size."""

    model: str
    data: Path
    checkpoint: Path | None = None
    backend: str = "torch_eager"
    dtype: str = "float32"
    device: str | None = None
    batch_size: int = BATCH
    limit: int | None = None
    image_px: int | None = None
    options: Options = ()
    results: Path = RESULTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How far an evaluation is: images that were looked at, of how many; those of them that are right, and broken."""

    done: int
    images: int
    right: int
    broken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateResult:
    """What came of it. `judgement` is None where it was interrupted; `others` are of the same weights on the same images."""

    seen: Seen
    predictions: Path
    judgement: Judgement | None = None
    others: tuple[Judgement, ...] = ()
    file: Path | None = None
    """Of the rows that were not stored before; None where all were."""
    interrupted: bool = False


def evaluate(
    request: EvaluateRequest,
    on_progress: Callable[[Seen], None] = lambda _: None,
    on_wait: Callable[[str], None] = lambda _: None,
) -> EvaluateResult:
    """Looks at the images that were not looked at before, and stores what all come to. Ctrl-C keeps the predictions there are.

    Raises EvaluationError, and writes nothing, where model, weights, images, device or classes are not as they must be; MismatchError
    where what runs is not what was asked.
    """
    backend = _backend(request)
    folder = image_folder.find(request.data, request.limit)
    folders.refuse_unwritable(request.results / SUITE, "give another --results")
    asked, machine = _asked(request, backend.OPTIONS, folder)
    known = Predictions(path=Path(asked.predictions)).refresh()
    watch = _Watch(known, folder, on_progress)
    if not known.is_complete:
        try:
            with lease.hold((asked.case.device,), on_wait):
                launch.evaluate(asked, watch.look)
        except KeyboardInterrupt:
            return EvaluateResult(seen=watch.seen(), predictions=known.path, interrupted=True)
    seen = watch.seen()
    watch.check()
    on_progress(seen)
    judged = judging.judge(known.path.parent, known.refresh(), folder)
    file = judging.store_rows(judged, machine, request.results)
    return EvaluateResult(seen=seen, predictions=known.path, judgement=judged[0], others=judged[1:], file=file)


class _Watch:
    """Follows the file of predictions while it grows."""

    def __init__(self, known: Predictions, folder: ImageFolder, on_progress: Callable[[Seen], None]) -> None:
        self._known, self._found, self._on_progress = known, folder, on_progress
        self._looked_s = float("-inf")

    def look(self) -> None:
        """Tells how far it is, at most every `LOOK_S` seconds. Raises MismatchError where something else runs than was asked."""
        if time.monotonic() - self._looked_s < LOOK_S:
            return
        seen = self.seen()
        self.check()
        self._on_progress(seen)
        self._looked_s = time.monotonic()

    def check(self) -> None:
        """Raises MismatchError where something else ran than was asked."""
        heading = self._known.heading
        if heading is not None and (problem := difference(heading.case, heading.effective)):
            raise MismatchError(
                f"what ran is not what was asked: {problem}; remove {self._known.path} before the next try"
            )

    def seen(self) -> Seen:
        """What there is now."""
        answers = self._known.refresh().answers
        images = self._found.images
        right = sum(not isinstance(answer, str) and answer[0] == images[place][1] for place, answer in answers.items())
        return Seen(done=len(answers), images=len(images), right=right, broken=len(self._known.broken))


def _backend(request: EvaluateRequest) -> ModuleType:
    """The backend, of a request that can be carried out as far as it tells. Raises EvaluationError."""
    backend = registry.load("backends", request.backend)
    if not backend.FRAMEWORK:
        raise EvaluationError(
            f"--backend {request.backend} runs no network; use torch_eager, torch_compile, jax_jit, onnxruntime or openvino"
        )
    if absent := [name for name in NEEDED if not find_spec(name)]:
        raise MissingExtraError(f"evaluate needs {', '.join(absent)}: {models.INSTALL['torch']}")
    if request.checkpoint is not None and not request.checkpoint.is_file():
        raise EvaluationError(f"--checkpoint: there is no file {request.checkpoint}; give a file of weights")
    name = request.model.partition(".")[0]
    if models.ours().get(name, models.CLASSIFIERS[0]) not in models.CLASSIFIERS:
        raise EvaluationError(f"{name} is a detector and no classifier; evaluate measures top-1 of classifiers")
    return backend


def _asked(request: EvaluateRequest, own_options: Collection[str], folder: ImageFolder) -> tuple[Evaluation, Machine]:
    """What the worker is asked, with all that was left open settled. Raises DeviceError, UnknownNameError, EvaluationError."""
    name, _, tag = request.model.partition(".")
    theirs = tuple(pair for pair in request.options if pair[0] not in own_options)
    probed = launch.probe([Wish(model=name, image_px=request.image_px, options=theirs)])
    if name not in {*probed.names, *models.ours()}:
        raise registry.unknown("model", name, {*probed.names, *models.ours()})
    facts = next(known for known in probed.facts.values() if known.name == name)
    if facts.problem and not facts.tags:
        raise EvaluationError(
            f"{name} cannot be made: {facts.problem}; give other options (--option), or another model"
        )
    machine, case = probed.machine, _case(request, name, probed.machine, probed.facts)
    tag = _tag(name, tag, facts.tags, is_needed=request.checkpoint is None)
    subject = Subject(
        model=name,
        weights=digest_of(request.checkpoint) if request.checkpoint else tag,
        backend=case.backend,
        device=case.device,
        dtype=case.dtype,
        image_px=case.image_px or 0,
        options=case.options,
        data=folder.digest,
        images=len(folder.images),
        fingerprint=fingerprint(machine.environment),
    )
    place = request.results / SUITE / PREDICTIONS / f"{subject.key}{ENDING}"
    return Evaluation(
        case=case,
        subject=subject,
        tag=tag,
        checkpoint=str(request.checkpoint or ""),
        folder=str(request.data),
        images=folder.images,
        classes=folder.classes,
        is_limited=folder.is_limited,
        predictions=str(place),
    ), machine


def _case(request: EvaluateRequest, name: str, machine: Machine, facts: Mapping[str, ModelFacts]) -> Case:
    """The case, resolved. Raises DeviceError where it cannot run here."""
    asked = Case(
        model=name,
        backend=request.backend,
        device=request.device or "auto",
        batch_size=request.batch_size,
        image_px=request.image_px,
        dtype=request.dtype,  # pyright: ignore[reportArgumentType] (one of them)
        options=request.options,
    )
    wanted = Suite(name=SUITE, cells=(Cell(case=asked, grid="evaluate"),), metrics=("top1",))
    planned = plan.make(wanted, machine, facts, {}, plan.Request(device_asked=request.device is not None))
    if not planned.jobs:
        raise DeviceError(planned.skips[0].reason)
    return planned.jobs[0].case


def _tag(name: str, tag: str, known: tuple[str, ...], *, is_needed: bool) -> str:
    """timm's tag of the weights: the default one where none was named. Raises EvaluationError where there are none and they are needed."""
    if tag and tag not in known:
        raise registry.unknown(f"weights of {name}", tag, known)
    if is_needed and not known:
        raise EvaluationError(f"nobody publishes weights of {name}; give a file of them by --checkpoint")
    return tag or (known[0] if known else "")


def digest_of(path: Path) -> str:
    """12 hex digits of SHA-256 over a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGITS]
