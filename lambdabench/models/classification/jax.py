"""Classifiers in JAX: ours and the user's own, with what they are fed and what planning must know of them."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax import numpy as jnp

from ... import models
from ...core import jaxpr
from ...core.dtypes import HELD_IN
from ...core.errors import NetworkError, UnsupportedError
from ...core.shapes import OPTION, Shape, shape_of
from ...core.spec import Case, ModelFacts, Wish
from ...layers._initial.jax import outline
from .._feeds.spec import names_of, sizes_of
from .spec import CLASSES, REFUSALS, USER_PX, beside, call_users, framework_of, is_users, refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """A `core.ports.Workload`."""

    network: nnx.Module
    weights: str = "random"
    classes: int | None = CLASSES
    """None where the width of the output is the user's business."""
    reference: str = ""
    """Of a user's own network; beside its callable may be what it is fed and what it learns from."""
    fed: int = 1
    """Arguments that the network takes."""

    def inputs(self, case: Case, seed: int) -> tuple[np.ndarray, ...]:
        generator = np.random.default_rng(seed)
        assert case.image_px is not None
        shape = shape_of(case.image_px, case.options)
        fed = _fed(self.reference, case.batch_size, shape)
        if not fed:
            size = (case.batch_size, shape.height, shape.width, shape.channels)
            fed = (generator.standard_normal(size, dtype=np.float32),)
        if case.mode != "train":
            return fed
        return *fed, generator.integers(0, self.classes or 2, case.batch_size, dtype=np.int32)

    def arguments(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs[: self.fed]

    def loss(self, output: Any, inputs: tuple[Any, ...]) -> Any:
        own = beside(self.reference, "loss_of") if self.reference else None
        if own is not None:
            return own(output)
        if not isinstance(output, jax.Array):
            raise UnsupportedError(
                f"training needs logits [batch, classes], found a {type(output).__name__}; put loss_of(output), which returns a "
                f"scalar, beside the callable of {self.reference}, or use --mode inference"
            )
        logs = jax.nn.log_softmax(output)
        return -jnp.take_along_axis(logs, inputs[-1][:, None], axis=1).mean()

    def check(self, output: Any, case: Case) -> str:
        leaves = [leaf for leaf in jax.tree.leaves(output) if isinstance(leaf, jax.Array)]
        if not leaves or (not isinstance(output, jax.Array) and not self.reference):
            return f"the output is a {type(output).__name__}, expected {'an array in it' if self.reference else 'one array'}"
        if self.reference:
            name = ", ".join(str(tuple(array.shape)) for array in leaves[:4])
            there = any(array.shape[:1] == (case.batch_size,) for array in leaves)
            return "" if there else f"the output's shape is {name}, expected ({case.batch_size},) and more"
        wanted = (case.batch_size, self.classes) if self.classes else (case.batch_size,)
        if tuple(output.shape[: len(wanted)]) != wanted:
            return f"the output's shape is {tuple(output.shape)}, expected {wanted}"
        return ""

    def features(self, output: Any, case: Case) -> str:
        return ""

    def interaction_bytes(self, case: Case) -> int | None:
        return models.interaction_bytes(case)


def create(case: Case) -> Classification:
    """The workload of a case, with reproducible random weights. Raises UnsupportedError for what has no twin in JAX, and for an
    option it does not take."""
    options: dict[str, Any] = dict(case.options)
    dtypes = dtypes_of(case)
    if is_users(case.model):
        options.pop(OPTION, None)
        network = load_users(case.model, options)
        set_dtype(network, dtypes["dtype"])
        shape = shape_of(case.image_px or USER_PX, case.options)
        fed = len(_fed(case.model, case.batch_size, shape)) or 1
        return Classification(network=network, classes=None, weights="the user's", reference=case.model, fed=fed)
    try:
        classes = int(options.get("num_classes", CLASSES))
        return Classification(network=build(case.model, options, case.image_px, **dtypes), classes=classes or None)
    except REFUSALS as error:
        raise refusal(case.model, error) from error


def _fed(reference: str, batch_size: int, shape: Shape) -> tuple[np.ndarray, ...]:
    """What inputs() beside a user's callable gives; nothing where there is none. Raises NetworkError for what is no arguments by
    place, or not of the batch."""
    inputs = beside(reference, "inputs") if reference else None
    if inputs is None:
        return ()
    result = inputs(**sizes_of(names_of(inputs, reference), batch_size, shape))
    if isinstance(result, dict):
        raise UnsupportedError(f"inputs() of {reference} gave a dict; jax_jit gives arguments by place: return a tuple")
    given = tuple(np.asarray(item) for item in (result if isinstance(result, (tuple, list)) else (result,)))
    if not any(ndarray.shape[:1] == (batch_size,) for ndarray in given):
        name = ", ".join(str(ndarray.shape) for ndarray in given)
        raise NetworkError(
            f"inputs() of {reference} was asked for {batch_size} images and gave {name}; expected {batch_size} on the first axis"
        )
    return given


def dtypes_of(case: Case) -> dict[str, Any]:
    """A case's dtypes as the twins take them: what they compute in, what they keep."""
    return {"dtype": jnp.dtype(HELD_IN[case.dtype]), "param_dtype": jnp.dtype(case.param_dtype or "float32")}


def build(name: str, options: dict[str, Any], image_px: int | None, **dtypes: Any) -> nnx.Module:
    """A network of ours for images of `image_px`. Raises UnsupportedError where it has no twin in JAX."""
    if name not in models.in_jax():  # asked here: telling timm's names apart would load torch
        raise UnsupportedError(f"{name} has no twin in JAX; use --backend torch_eager")
    size: Any = image_px or models.native_px(name)
    if OPTION in options:
        shape = shape_of(size, options)
        size = shape.px if shape.height == shape.width else (shape.height, shape.width)
        options = {key: value for key, value in options.items() if key != OPTION} | {"in_chans": shape.channels}
    return models.create(name, framework="jax", image_px=size, **dtypes, **options)


def load_users(reference: str, options: dict[str, Any]) -> nnx.Module:
    """The user's network. Raises UnsupportedError for one of torch."""
    if reference.endswith(".pt2"):
        raise UnsupportedError(f"{reference} is an exported program of torch; use --backend torch_eager")
    network = call_users(reference, options)
    if framework_of(network) == "torch":
        raise UnsupportedError(
            f"{reference} returned a {type(network).__name__}, a torch module; jax_jit runs a flax.nnx.Module: "
            "use --backend torch_eager"
        )
    if not isinstance(network, nnx.Module):
        raise NetworkError(f"{reference} returned a {type(network).__name__}, expected a flax.nnx.Module")
    return network


def set_dtype(network: nnx.Module, dtype: Any) -> None:
    """Has every part that has a compute dtype use `dtype`; its parameters stay what they are."""
    for _, module in nnx.iter_modules(network):
        if hasattr(module, "dtype") and hasattr(module, "param_dtype"):
            setattr(module, "dtype", dtype)  # noqa: B010 (no attribute of every module)


def describe(wish: Wish) -> ModelFacts:
    """Facts with counts of one image, forward, without computing anything. Raises what building raises."""
    users = is_users(wish.model)
    family = "user" if users else models.in_jax().get(wish.model, "")
    native_px = USER_PX if users else models.native_px(wish.model) if family else USER_PX
    px = wish.image_px or native_px
    options: dict[str, Any] = dict(wish.options)
    shape = shape_of(px, wish.options)
    own = {key: value for key, value in options.items() if key != OPTION}
    theirs, mine = (lambda: load_users(wish.model, own)), (lambda: build(wish.model, options, px))
    network = nnx.eval_shape(theirs) if users else outline(mine)
    fed = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in _fed(wish.model if users else "", 1, shape)]
    images = jax.ShapeDtypeStruct((1, shape.height, shape.width, shape.channels), jnp.float32)
    counts = counted(network, *(fed or [images]))
    return ModelFacts(name=wish.model, family=family, native_px=native_px, image_px=px, **counts)


def counted(network: nnx.Module, *arguments: jax.ShapeDtypeStruct) -> dict[str, Any]:
    """Counts of one forward pass, in evaluation, as `ModelFacts` names them, of a network whose weights may be shapes alone."""
    network.eval()
    graph, parameters, rest = nnx.split(network, nnx.Param, ...)

    def forward(parameters: Any, rest: Any, arguments: tuple[Any, ...]) -> Any:
        return nnx.merge(graph, parameters, rest)(*arguments)

    program = jax.make_jaxpr(forward)(parameters, rest, arguments).jaxpr
    return {
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(parameters)),
        "flops_per_image": jaxpr.flops(program),
        "activations_per_image": jaxpr.written_elements(program),
        "operations": sum(1 for _ in jaxpr.products(program)),
    }
