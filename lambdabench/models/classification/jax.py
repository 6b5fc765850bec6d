"""Classifiers in JAX: ours and the user's own, with what they are fed and what planning must know of them."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax import numpy as jnp

from ... import models
from ...core import jaxpr
from ...core.errors import LambdabenchError, UnsupportedError
from ...core.shapes import OPTION, shape_of
from ...core.spec import Case, ModelFacts, Wish
from ...layers._initial.jax import outline
from .spec import CLASSES, REFUSALS, USER_PX, call_users, framework_of, is_users, refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """A `core.ports.Workload`."""

    network: nnx.Module
    weights: str = "random"
    classes: int | None = CLASSES
    """None where the width of the output is the user's business."""

    def inputs(self, case: Case, seed: int) -> tuple[np.ndarray, ...]:
        generator = np.random.default_rng(seed)
        assert case.image_px is not None
        shape = shape_of(case.image_px, case.options)
        size = (case.batch_size, shape.height, shape.width, shape.channels)
        images = generator.standard_normal(size, dtype=np.float32)
        if case.mode != "train":
            return (images,)
        return images, generator.integers(0, self.classes or 2, case.batch_size, dtype=np.int32)

    def arguments(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs[:1]

    def loss(self, output: Any, inputs: tuple[Any, ...]) -> Any:
        logs = jax.nn.log_softmax(output)
        return -jnp.take_along_axis(logs, inputs[1][:, None], axis=1).mean()

    def check(self, output: Any, case: Case) -> str:
        if not isinstance(output, jax.Array):
            return f"the output is a {type(output).__name__}, expected one array"
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
        return Classification(network=network, classes=None, weights="the user's")
    try:
        classes = int(options.get("num_classes", CLASSES))
        return Classification(network=build(case.model, options, case.image_px, **dtypes), classes=classes or None)
    except REFUSALS as error:
        raise refusal(case.model, error) from error


def dtypes_of(case: Case) -> dict[str, Any]:
    """A case's dtypes as the twins take them: what they compute in, what they keep."""
    compute = "float32" if case.dtype == "tf32" else case.dtype
    return {"dtype": jnp.dtype(compute), "param_dtype": jnp.dtype(case.param_dtype or "float32")}


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
        raise LambdabenchError(f"{reference} returned a {type(network).__name__}, expected a flax.nnx.Module")
    return network


def set_dtype(network: nnx.Module, dtype: Any) -> None:
    """Has every part that has a compute dtype use `dtype`; its parameters stay what they are."""
    for _, one in nnx.iter_modules(network):
        if hasattr(one, "dtype") and hasattr(one, "param_dtype"):
            setattr(one, "dtype", dtype)  # noqa: B010 (no attribute of every module)


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
    counts = counted(nnx.eval_shape(theirs) if users else outline(mine), (1, shape.height, shape.width, shape.channels))
    return ModelFacts(name=wish.model, family=family, native_px=native_px, image_px=px, **counts)


def counted(network: nnx.Module, shape: tuple[int, ...]) -> dict[str, Any]:
    """Counts of one forward pass, in evaluation, as `ModelFacts` names them, of a network whose weights may be shapes alone."""
    network.eval()
    graph, parameters, rest = nnx.split(network, nnx.Param, ...)

    def forward(parameters: Any, rest: Any, images: Any) -> Any:
        return nnx.merge(graph, parameters, rest)(images)

    program = jax.make_jaxpr(forward)(parameters, rest, jax.ShapeDtypeStruct(shape, jnp.float32)).jaxpr
    return {
        "parameters": sum(one.size for one in jax.tree.leaves(parameters)),
        "flops_per_image": jaxpr.flops(program),
        "activations_per_image": jaxpr.written_elements(program),
        "operations": sum(1 for _ in jaxpr.products(program)),
    }
