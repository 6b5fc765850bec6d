"""Single layers in torch, with what they are fed. Whatever `create_layer` takes stands in the case's options."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ... import layers
from ...core.errors import LambdabenchError, UnsupportedError
from ...core.spec import Case, ModelFacts, Options, Wish
from .._counts.torch import counted
from .spec import NO_LOSS, Asked, read, size_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleLayer:
    """A `core.ports.Workload`."""

    network: nn.Module
    asked: Asked
    weights: str = "random"

    def inputs(self, case: Case, seed: int) -> tuple[Tensor, ...]:
        generator, asked = torch.Generator().manual_seed(seed), self.asked
        maps = [(asked.dim, *asked.size), (asked.dim_out, *asked.size_out)][: 2 if case.mode == "train" else 1]
        return tuple(torch.randn(case.batch_size, *item, generator=generator) for item in maps)

    def arguments(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """In training the map is differentiated as well, as it is inside a network."""
        return (inputs[0].detach().requires_grad_(),) if self.network.training else inputs[:1]

    def loss(self, output: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        raise UnsupportedError(NO_LOSS)

    def check(self, output: Any, case: Case) -> str:
        wanted = (case.batch_size, self.asked.dim_out, *self.asked.size_out)
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
    size = size_of(wish.options, wish.image_px)
    with torch.device("meta"):
        made = _made(wish.model, wish.options, wish.image_px)
        counts = counted(made.network, torch.empty(1, made.asked.dim, *size))
    return ModelFacts(name=wish.model, family="layer", native_px=max(size), image_px=max(size), **counts)


def _made(name: str, options: Options, image_px: int | None) -> SingleLayer:
    asked = read(name, options, image_px)
    network = layers.create(name, asked.dim, asked.dim_out, stride=asked.stride, size=asked.size, **asked.options)
    return SingleLayer(network=network, asked=asked)
