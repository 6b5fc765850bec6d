"""What each way to apply lambdas costs on a TPU by its compiler's own model: no measurement, and named so wherever it is used.

libtpu takes a second off for each operation that it knows no cost of, and counts the body of a loop once: seconds are read modulo
one, and of `xla_rows` times the rows of the window that it goes through. Of the Pallas kernel, whose cost it does not know, the
products are counted and divided by the chip's rate.
"""

import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax import numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

from ...core import codec, registry
from ...core.ahead import CostAhead
from ...core.kernel_times import KernelTime, Stage
from ...core.targets import Target
from ...kernels import PALLAS, _xla_target
from ...kernels._pallas import tiles
from . import mesh_for

ORIGIN = "libtpu cost model"
ONLY = "one"
KERNELS = (PALLAS, "xla_einsum", "xla_conv", "xla_dense", "xla_rows")
DIRECTIONS = ("forward", "backward")
BATCH = 128
STAGES = tuple(
    Stage(batch=BATCH, side=side, scope=scope, value_depth=depth)
    for side, depth in ((14, 64), (28, 32), (7, 128), (56, 16))
    for scope in (7, 23)
)
"""Maps of a ResNet-50 at 224 pixels (arXiv 2102.08602, section 4: k = 16, h = 4)."""


def answer(folder: Path) -> None:
    """Reads request.json; compiles; writes answer.json. Raises MissingExtraError without libtpu."""
    asked = codec.read(CostAhead, folder / "request.json")
    codec.write(folder / "answer.json", cost(asked.target, asked.stage, asked.kernel, asked.direction))


def source_of(target: Target) -> str:
    """Where a target's seconds come from, in a line."""
    return (
        f"{target.title}: cost model of libtpu {version('libtpu')} through jax {version('jax')}, compiled ahead of time in bfloat16; "
        f"xla_rows: a row times the rows; {PALLAS}: XLA's part by the model, products counted over {target.flop_per_s:g} FLOP/s"
    )


def cost(target: Target, stage: Stage, kernel: str, direction: str) -> KernelTime:
    """Seconds of one application to a batch in bfloat16, there or back (gradients, the outputs made again where that is needed).
    Infinite where the compiler refuses: what does not fit in memory is never chosen."""
    mesh = mesh_for(target, 1, ONLY)
    try:
        seconds = _compiled_s(mesh, stage, kernel, direction)
    except jax.errors.JaxRuntimeError:
        seconds = math.inf
    if kernel == "xla_rows":
        seconds *= min(stage.scope, 2 * stage.side - 1)
    if kernel == PALLAS:
        queries, values, *_ = _sizes(stage)
        cut = tiles.cut(queries, values, (stage.scope, stage.scope))
        seconds += tiles.flops(cut)[direction == "backward"] / target.flop_per_s
    return KernelTime(
        kind=target.title, origin=ORIGIN, stage=stage, kernel=kernel, direction=direction, seconds=seconds
    )


def _sizes(stage: Stage) -> tuple[tuple[int, ...], ...]:
    b, side, h, k, v = stage.batch, stage.side, stage.heads, stage.key_depth, stage.value_depth
    return (b, side, side, h, k), (b, side, side, v), (b, k, v), (k, 1, stage.scope, stage.scope), (b, side, side, h, v)


def _compiled_s(mesh: Any, stage: Stage, kernel: str, direction: str) -> float:
    """By the model, without what it does not know."""
    queries, values, content, table, outputs = _sizes(stage)
    shapes = [queries, (*values, 1), content, table]
    apply = registry.load("kernels", kernel).apply

    def back(*arrays: Any) -> Any:
        return jax.vjp(apply, *arrays[:-1])[1](arrays[-1])

    function = apply if direction == "forward" else back
    shapes += [outputs] if direction == "backward" else []
    arguments = [jax.ShapeDtypeStruct(shape, jnp.bfloat16) for shape in shapes]
    placed = NamedSharding(mesh, PartitionSpec())
    program: Any = jax.jit(function, in_shardings=(placed,) * len(arguments), out_shardings=placed)
    with _xla_target.target(platform="tpu"), jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
        compiled = program.lower(*arguments).compile()
    return float(compiled.cost_analysis().get("optimal_seconds", 0.0)) % 1.0
