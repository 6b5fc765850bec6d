"""Classifiers in torch: ours, timm's and the user's own, with what they are fed and what planning must know of them."""

import importlib
import inspect
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from ... import models
from ...core import registry
from ...core.errors import LambdabenchError, UnsupportedError
from ...core.spec import Case, ModelFacts, Options, Wish
from .spec import CLASSES, REFUSALS, USER_PX, call_users, framework_of, is_users, refusal

COUNTED = ("convolution", "mm", "addmm", "bmm", "baddbmm", "scaled_dot_product")


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """A `core.ports.Workload`."""

    network: nn.Module
    weights: str = "random"
    classes: int | None = CLASSES
    """None where the width of the output is the user's business."""

    def inputs(self, case: Case, seed: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(seed)
        assert case.image_px is not None
        images = torch.randn(case.batch_size, 3, case.image_px, case.image_px, generator=generator)
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


def create(case: Case) -> Classification:
    """The workload of a case, with reproducible random weights. Raises UnsupportedError for a size or option it does not take."""
    refuse_size(case)
    torch.manual_seed(0)
    options: dict[str, Any] = dict(case.options)
    if is_users(case.model):
        return Classification(network=load_users(case.model, options), classes=None, weights="the user's")
    try:
        return Classification(network=build(case.model, options, case.image_px))
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
    return tuple(one.name for one in parameters if one.kind is not one.VAR_KEYWORD)


def refuse_size(case: Case) -> None:
    """Raises UnsupportedError for a size that one of timm's models does not take.

    timm refuses a size in the first call only, by all kinds of errors: so one is made on the meta device.
    """
    if is_users(case.model) or case.model in models.ours() or case.model not in _timm().names():
        return
    native_px = _timm().native_px(case.model)
    if case.image_px in (None, native_px):
        return
    problem = models.describe(Wish(model=case.model, image_px=case.image_px, options=case.options)).problem
    if problem and not models.describe(Wish(model=case.model, options=case.options)).problem:
        raise UnsupportedError(
            f"{case.model} does not take images of {case.image_px} px ({problem}); "
            f"use its own size, --image-px {native_px}"
        )


def _timm() -> Any:
    return importlib.import_module(f"{models.__package__}.timm.torch")


def build(name: str, options: dict[str, Any], image_px: int | None) -> nn.Module:
    """A network of ours or timm's for images of `image_px`; those whose weights depend on the size are told it."""
    if name in models.ours():
        return models.create(name, image_px=image_px or models.native_px(name), **options)
    timm_twin = _timm()
    if name not in timm_twin.names():
        raise registry.unknown("model", name, models.names())
    if image_px is None or image_px == timm_twin.native_px(name):
        return timm_twin.create(name, **options)
    try:
        return timm_twin.create(name, img_size=image_px, **options)
    except TypeError:
        return timm_twin.create(name, **options)


def load_users(reference: str, options: dict[str, Any]) -> nn.Module:
    """The user's network. Its own exceptions pass through, so that the row can name their file and line."""
    if reference.endswith(".pt2"):
        return torch.export.load(reference).module()
    network = call_users(reference, options)
    if framework_of(network) == "jax":
        raise UnsupportedError(
            f"{reference} returned a {type(network).__name__}, a module of flax; this backend runs a torch.nn.Module: use --backend jax_jit"
        )
    if not isinstance(network, nn.Module):
        raise LambdabenchError(f"{reference} returned a {type(network).__name__}, expected a torch.nn.Module")
    return network


def describe(wish: Wish) -> ModelFacts:
    """Facts with counts of one image, forward, on the meta device. Raises what building raises."""
    if is_users(wish.model):
        return _count(ModelFacts(name=wish.model, family="user", native_px=USER_PX), wish)
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
        network = load_users(model, dict(options)) if is_users(model) else build(model, dict(options), px)
        images = torch.empty(1, 3, px, px)
    return counted(network, images)


def counted(network: nn.Module, images: Tensor) -> dict[str, Any]:
    """Counts of one forward pass, in evaluation, as `ModelFacts` names them."""
    network.eval()
    written = WrittenElements()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter, written:
        network(images)
    return {
        "parameters": sum(one.numel() for one in network.parameters()),
        "flops_per_image": float(counter.get_total_flops()),
        "activations_per_image": float(written.elements),
        "operations": written.operations,
    }


class WrittenElements(TorchDispatchMode):
    """Counts convolutions and matrix products, and the elements that they write."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if any(name in func.name().split("::")[-1] for name in COUNTED):
            first = result[0] if isinstance(result, tuple) else result
            self.elements += math.prod(first.shape)
            self.operations += 1
        return result
