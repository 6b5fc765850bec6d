"""Classifiers in torch: ours and timm's, with what they are fed and what planning must know of them."""

import importlib
import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ... import models
from ...core import registry
from ...core.errors import UnsupportedError
from ...core.shapes import CHANNELS_OPTION, OPTION, Shape, shape_of
from ...core.spec import Case, ModelFacts, Options, Wish
from .._counts.torch import counted
from .spec import CLASSES, REFUSALS, refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """A `core.ports.Workload`."""

    network: nn.Module
    weights: str = "random"
    classes: int | None = CLASSES
    """None where the output is no logits."""

    def inputs(self, case: Case, seed: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(seed)
        images = random_images(case, generator)
        if case.mode != "train":
            return (images,)
        return images, torch.randint(self.classes or 2, (case.batch_size,), generator=generator)

    def arguments(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return inputs[:1]

    def loss(self, output: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        return functional.cross_entropy(output, inputs[1])

    def check(self, output: Any, case: Case) -> str:
        if not isinstance(output, Tensor):
            return f"the output is a {type(output).__name__}, expected one tensor"
        wanted = (case.batch_size, self.classes) if self.classes else (case.batch_size,)
        if tuple(output.shape[: len(wanted)]) != wanted:
            return f"the output's shape is {tuple(output.shape)}, expected {wanted}"
        return ""

    def features(self, output: Any, case: Case) -> str:
        return ""

    def interaction_bytes(self, case: Case) -> int | None:
        return models.interaction_bytes(case)


def random_images(case: Case, generator: torch.Generator) -> Tensor:
    """A batch of the case's images, from a normal distribution."""
    assert case.image_px is not None
    shape = _shape(case.model, case.image_px, case.options)
    return torch.randn(case.batch_size, shape.channels, shape.height, shape.width, generator=generator)


def _shape(model: str, px: int, options: Options) -> Shape:
    """Of a case's images, with as many channels as its network is meant for where no option says how many."""
    return shape_of(px, {CHANNELS_OPTION: models.channels(model)} | dict(options))


def create(case: Case) -> Classification:
    """The workload of a case, with reproducible random weights. Raises UnsupportedError for a size or option it does not take."""
    refuse_size(case)
    torch.manual_seed(0)
    classes = int(dict(case.options).get("num_classes", models.classes(case.model)))
    try:
        return Classification(network=build(case.model, dict(case.options), case.image_px), classes=classes or None)
    except REFUSALS as error:
        raise refusal(case.model, error, _takes(case.model, error)) from error


def _takes(name: str, error: Exception) -> tuple[str, ...]:
    """The options of a timm model's class where it is the one that refused; empty elsewhere."""
    if name in models.ours():
        return ()
    try:
        with torch.device("meta"):
            network = type(_timm().create(name))
    except Exception:  # of all kinds, where it cannot be made on this device
        return ()
    if f"{network.__name__}.__init__()" not in str(error):
        return ()
    parameters = inspect.signature(network).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD)


def refuse_size(case: Case) -> None:
    """Raises UnsupportedError for a size that one of timm's models does not take.

    timm refuses a size in the first call only, by all kinds of errors: so one is made on the meta device.
    """
    if case.model in models.ours() or case.model not in _timm().names():
        return
    native_px, shaped = _timm().native_px(case.model), OPTION in dict(case.options)
    if case.image_px in (None, native_px) and not shaped:
        return
    problem = models.describe(Wish(model=case.model, image_px=case.image_px, options=case.options)).problem
    rest = tuple(pair for pair in case.options if pair[0] != OPTION)
    if problem and not models.describe(Wish(model=case.model, options=rest)).problem:
        size = shape_of(case.image_px or native_px, case.options).told() if shaped else f"{case.image_px} px"
        raise UnsupportedError(
            f"{case.model} does not take images of {size} ({problem}); use its own size, --image-px {native_px}"
        )


def _timm() -> Any:
    return importlib.import_module(f"{models.__package__}.timm.torch")


def build(name: str, options: dict[str, Any], image_px: int | None) -> nn.Module:
    """A network of ours or timm's for images of `image_px`, or of the shape that the options name; those whose weights depend on
    the size are told it."""
    size: Any = image_px
    if OPTION in options:
        shape = shape_of(image_px or 0, options)
        size = shape.px if shape.height == shape.width else (shape.height, shape.width)
        options = {key: value for key, value in options.items() if key != OPTION} | {"in_chans": shape.channels}
    if name in models.ours():
        return models.create(name, image_px=size or models.native_px(name), **options)
    timm_twin = _timm()
    if name not in timm_twin.names():
        raise registry.unknown("model", name, models.names())
    if size is None or size == timm_twin.native_px(name):
        return timm_twin.create(name, **options)
    try:
        return timm_twin.create(name, img_size=size, **options)
    except TypeError:
        return timm_twin.create(name, **options)


def describe(wish: Wish) -> ModelFacts:
    """Facts with counts of one image, forward, on the meta device. Raises what building raises."""
    family = models.ours().get(wish.model, "timm")
    if family == "timm":
        twin = _timm()
        if wish.model not in twin.names():
            raise registry.unknown("model", wish.model, models.names())
        return _count(
            ModelFacts(
                name=wish.model, family=family, native_px=twin.native_px(wish.model), tags=twin.tags(wish.model)
            ),
            wish,
        )
    return _count(ModelFacts(name=wish.model, family=family, native_px=models.native_px(wish.model)), wish)


def _count(facts: ModelFacts, wish: Wish) -> ModelFacts:
    """The facts with counts; where the network cannot be run on the meta device, with the problem."""
    px = wish.image_px or facts.native_px
    known = {name: getattr(facts, name) for name in ("name", "family", "native_px", "tags")}
    try:
        counts = _counts_on_meta(wish.model, wish.options, px)
    except UnsupportedError:
        raise
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        return ModelFacts(**known, image_px=px, problem=f"{type(error).__name__}: {first}")
    return ModelFacts(**known, image_px=px, **counts)


def _counts_on_meta(model: str, options: Options, px: int) -> dict[str, Any]:
    with torch.device("meta"):
        network, shape = build(model, dict(options), px), _shape(model, px, options)
        images = torch.empty(1, shape.channels, shape.height, shape.width)
    return counted(network, images)
