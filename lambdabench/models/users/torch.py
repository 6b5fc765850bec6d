"""A user's own network in torch. Its own exceptions pass through, so that the row can name their file and line."""

import ctypes
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.parameter import is_lazy
from torch.utils import _pytree as pytree

from ...core.errors import LambdabenchError, NetworkError, UnsupportedError
from ...core.shapes import OPTION, Shape, shape_of
from ...core.spec import Case, ModelFacts, Options, Wish
from .._counts.torch import counted
from .._feeds.torch import Arguments, Feed, own_feed, program_feed
from ..classification.spec import USER_PX, beside, call_users, framework_of

LOSS = "loss_of"
CLASSES = 2
"""Of random targets: a network with fewer outputs has no cross entropy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """A `core.ports.OwnWorkload`. Without a feed its inputs are a batch of images."""

    network: nn.Module
    make: Callable[[], nn.Module]
    reference: str
    feed: Feed | None = None
    weights: str = "the user's"

    def inputs(self, case: Case, seed: int) -> tuple[Any, ...]:
        fed = (_images(case, seed),) if self.feed is None else _fed(self.feed, case, seed)
        if case.mode != "train":
            return fed
        generator = torch.Generator().manual_seed(seed)
        return (*fed, torch.randint(CLASSES, (case.batch_size,), generator=generator))

    def arguments(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs[:1] if self.feed is None else inputs[0]

    def keywords(self, inputs: tuple[Any, ...]) -> dict[str, Any]:
        return {} if self.feed is None else inputs[1]

    def anew(self) -> nn.Module:
        return self.make()

    def loss(self, output: Any, inputs: tuple[Any, ...]) -> Tensor:
        """The user's own where there is one beside the callable; else cross entropy of logits with random targets."""
        own = beside(self.reference, LOSS)
        if own is not None:
            return own(output)
        if not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] < CLASSES:
            name = f"{tuple(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
            raise UnsupportedError(
                f"training needs logits [batch, classes], found {name}; put {LOSS}(output), which returns a scalar, beside the "
                f"callable of {self.reference}, or use --mode inference"
            )
        return functional.cross_entropy(output, inputs[-1])

    def check(self, output: Any, case: Case) -> str:
        tensors = _tensors(output)
        if not tensors:
            return f"the output is a {type(output).__name__} without a tensor"
        sizes = [tensor.shape[0] for tensor in tensors if tensor.dim()]
        listed = isinstance(output, (list, tuple)) and len(output) == case.batch_size
        if case.batch_size in sizes or listed:
            return ""
        name = ", ".join(str(tuple(tensor.shape)) for tensor in tensors[:4])
        return f"the output's shape is {name}, expected ({case.batch_size},) and more"

    def features(self, output: Any, case: Case) -> str:
        return ""

    def interaction_bytes(self, case: Case) -> int | None:
        return None


def create(case: Case) -> Users:
    """The workload of a case, with reproducible random weights. Raises UnsupportedError for a batch or a size that an exported program,
    or inputs() beside the callable, does not take."""
    options: dict[str, Any] = {key: value for key, value in case.options if key != OPTION}
    made, feed = load(case.model, options)
    if feed is not None:
        feed.refuse(case.batch_size, _asked(case, feed))

    def make() -> nn.Module:
        torch.manual_seed(0)
        return _ready(made(), case, feed)

    return Users(network=make(), make=make, reference=case.model, feed=feed)


def load(reference: str, options: dict[str, Any], device: str = "cpu") -> tuple[Callable[[], nn.Module], Feed | None]:
    """(What makes the network, what it is fed). An exported program is read before anything of it runs."""
    if reference.endswith(".pt2"):
        program = torch.export.load(reference)
        return program.module, program_feed(program, reference)
    torch.manual_seed(0)
    with torch.device(device):
        first = [_network(reference, options)]  # its file is loaded now: what stands beside the callable is known

    def make() -> nn.Module:
        return first.pop() if first else _network(reference, options)

    return make, own_feed(reference)


def _network(reference: str, options: dict[str, Any]) -> nn.Module:
    network = call_users(reference, options)
    if framework_of(network) == "jax":
        raise UnsupportedError(
            f"{reference} returned a {type(network).__name__}, a module of flax; this backend runs a torch.nn.Module: use --backend jax_jit"
        )
    if isinstance(network, (tuple, list)):
        inside = ", ".join(type(item).__name__ for item in network)
        raise NetworkError(
            f"{reference} returned a {type(network).__name__} of {inside}, expected a torch.nn.Module; return the network alone"
        )
    if isinstance(network, type) and issubclass(network, nn.Module):
        raise NetworkError(f"{reference} returned the class {network.__name__}, expected a torch.nn.Module; call it")
    if not isinstance(network, nn.Module):
        raise NetworkError(f"{reference} returned a {type(network).__name__}, expected a torch.nn.Module")
    return network


def describe(wish: Wish) -> ModelFacts:
    """Facts with counts of one image; where they cannot be counted, the size all the same, with the problem. Raises what loading does."""
    options: dict[str, Any] = {key: value for key, value in wish.options if key != OPTION}
    make: Callable[[], nn.Module] | None = None
    problem = ""
    try:
        make, feed = load(wish.model, options, "cpu" if wish.model.endswith(".pt2") else "meta")
    except LambdabenchError:
        raise
    except Exception as error:  # what cannot be made on the meta device may have inputs of a size all the same
        problem, feed = _told(error), own_feed(wish.model)
    native_px = feed.fixed.px if feed is not None and feed.fixed is not None else USER_PX
    px = wish.image_px or native_px
    known: dict[str, Any] = {"name": wish.model, "family": "user", "native_px": native_px, "image_px": px}
    known["fed"] = "" if feed is None else _shapes(_one_image(feed, px, wish.options))
    try:
        counts: dict[str, Any] = {"problem": problem} if make is None else _counts(make(), feed, px, wish.options)
    except UnsupportedError:
        raise
    except Exception as error:
        counts = {"problem": _told(error)}
    return ModelFacts(**known, **counts)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"


def _counts(network: nn.Module, feed: Feed | None, px: int, options: Options) -> dict[str, Any]:
    shape = shape_of(px, options)
    arguments: Arguments = ((torch.empty(1, shape.channels, shape.height, shape.width),), {})
    if feed is not None:
        arguments = _one_image(feed, px, options)
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    by_place, by_name = pytree.tree_map_only(Tensor, lambda tensor: tensor.to(device), arguments)
    batch_size = (feed.batch_size if feed is not None else None) or 1
    return counted(network, *by_place, batch_size=batch_size, **by_name)


def _one_image(feed: Feed, px: int, options: Options) -> Arguments:
    """What a feed gives for one image; of one that has a batch size of its own, for that."""
    return feed.make(feed.batch_size or 1, None if feed.fixed else shape_of(px, options), 0)


def _shapes(arguments: Arguments) -> str:
    given = [tree_leaf for tree_leaf in pytree.tree_leaves(arguments) if isinstance(tree_leaf, Tensor)]
    return ", ".join(
        f"{str(tensor.dtype).removeprefix('torch.')} {'x'.join(map(str, tensor.shape))}" for tensor in given
    )


def _asked(case: Case, feed: Feed) -> Shape | None:
    """The shape of the images that a case asks for; None where it asks for none but by the default's name."""
    if case.image_px is None:
        return None
    if OPTION in dict(case.options):
        return shape_of(case.image_px, case.options)
    if feed.fixed is not None and case.image_px == feed.fixed.px:
        return None
    return shape_of(case.image_px, case.options)


def _fed(feed: Feed, case: Case, seed: int) -> Arguments:
    arguments = feed.make(case.batch_size, _asked(case, feed), seed)
    sizes = [
        tree_leaf.shape[0]
        for tree_leaf in pytree.tree_leaves(arguments)
        if isinstance(tree_leaf, Tensor) and tree_leaf.dim()
    ]
    if case.batch_size not in sizes:
        raise NetworkError(
            f"{feed.where} for {case.batch_size} images, and gave tensors whose first axes are "
            f"{', '.join(map(str, sizes)) or 'none'}; expected {case.batch_size} on the first axis of one at least"
        )
    return arguments


def _images(case: Case, seed: int) -> Tensor:
    assert case.image_px is not None
    shape = shape_of(case.image_px, case.options)
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(case.batch_size, shape.channels, shape.height, shape.width, generator=generator)


def _ready(network: nn.Module, case: Case, feed: Feed | None) -> nn.Module:
    """The network, whose lazy parameters are made by one forward of one image: until then they have no size."""
    if not any(is_lazy(parameter) for parameter in (*network.parameters(), *network.buffers())):
        return network
    item = dataclasses.replace(case, batch_size=(feed.batch_size if feed is not None else None) or 1, mode="inference")
    arguments, keywords = ((_images(item, 0),), {}) if feed is None else _fed(feed, item, 0)
    trains = network.training
    with torch.no_grad():
        network.eval()(*arguments, **keywords)
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)  # what it took and gave back would be missing in the memory of the first call
    return network.train(trains)


def _tensors(output: Any) -> list[Tensor]:
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return [tensor for field in dataclasses.fields(output) for tensor in _tensors(getattr(output, field.name))]
    if isinstance(output, dict):
        return [tensor for value in output.values() for tensor in _tensors(value)]
    if isinstance(output, (list, tuple)):
        return [tensor for value in output for tensor in _tensors(value)]
    return [output] if isinstance(output, Tensor) else []
