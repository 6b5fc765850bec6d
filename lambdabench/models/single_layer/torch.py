"""Single layers in torch, with what they are fed. Whatever `create_layer` takes stands in the case's options."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ... import layers
from ...core.errors import LambdabenchError, UnsupportedError
from ...core.spec import Case, ModelFacts, Options, Wish
from ..classification.torch import counted

SIZE_PX = 56
"""Side of the map where none is asked for: c2 of a ResNet at 224 pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleLayer:
    """A `core.ports.Workload`."""

    network: nn.Module
    dim: int
    dim_out: int
    size: tuple[int, int]
    stride: int
    weights: str = "random"

    def inputs(self, case: Case, seed: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(seed)
        return (torch.randn(case.batch_size, self.dim, *self.size, generator=generator),)

    def arguments(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """In training the map is differentiated as well, as it is inside a network."""
        return (inputs[0].detach().requires_grad_(),) if self.network.training else inputs

    def loss(self, output: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        return output.square().mean()

    def check(self, output: Any, case: Case) -> str:
        wanted = (case.batch_size, self.dim_out, *(-(-side // self.stride) for side in self.size))
        return (
            "" if tuple(output.shape) == wanted else f"the output's shape is {tuple(output.shape)}, expected {wanted}"
        )

    def features(self, output: Any, case: Case) -> str:
        return ""

    def interaction_bytes(self, case: Case) -> int | None:
        return None


def create(case: Case) -> SingleLayer:
    """The workload of a case, with reproducible random weights. Raises UnsupportedError for a size or option it does not take."""
    if case.mode == "features":
        raise UnsupportedError("a layer has no mode features; use --mode inference or train")
    torch.manual_seed(0)
    try:
        return _made(case.model, case.options, case.image_px)
    except (LambdabenchError, ValueError) as error:
        raise UnsupportedError(f"{case.model} cannot be made: {error}") from error


def describe(wish: Wish) -> ModelFacts:
    """Facts with counts of one map, forward, on the meta device."""
    size = _size(wish.options, wish.image_px)
    with torch.device("meta"):
        made = _made(wish.model, wish.options, wish.image_px)
        parameters, flops, activations = counted(made.network, torch.empty(1, made.dim, *size))
    return ModelFacts(
        name=wish.model,
        family="layer",
        native_px=max(size),
        image_px=max(size),
        parameters=parameters,
        flops_per_image=flops,
        activations_per_image=activations,
    )


def _made(name: str, options: Options, image_px: int | None) -> SingleLayer:
    given: dict[str, Any] = dict(options)
    size = _size(options, image_px)
    given.pop("size", None)
    dim = given.pop("dim", None)
    if dim is None:
        raise LambdabenchError(f"{name} needs options.dim, the channels of its input")
    dim_out, stride = int(given.pop("dim_out", dim)), int(given.pop("stride", 1))
    network = layers.create(name, int(dim), dim_out, stride=stride, size=size, **given)
    return SingleLayer(network=network, dim=int(dim), dim_out=dim_out, size=size, stride=stride)


def _size(options: Options, image_px: int | None) -> tuple[int, int]:
    """(Height, width): options.size as "28x40", else a square of `image_px`."""
    told = dict(options).get("size")
    if told is None:
        return image_px or SIZE_PX, image_px or SIZE_PX
    height, _, width = str(told).partition("x")
    if not (height.isdigit() and width.isdigit() and int(height) and int(width)):
        raise LambdabenchError(f'found options.size {told!r}, expected height and width as "28x40"')
    return int(height), int(width)
