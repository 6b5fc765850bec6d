"""A case of a suite compiled for a target: the same step that a session runs, with shapes alone in place of arrays.

With the compiler's least effort for the program's speed, which takes a tenth of the time, and its usual one to fit it into memory.
"""

import dataclasses
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from flax import nnx
from jax.sharding import Mesh

from ... import models
from ...backends import _jax_steps, jax_jit
from ...core import codec
from ...core.ahead import CaseAhead, Compiled
from ...core.errors import LambdabenchError, MissingExtraError
from ...core.ports import Workload
from ...core.spec import Case
from ...kernels import _xla_target
from ...layers._initial.jax import outline
from . import mesh_for

FULL = re.compile(r"Used (?P<used>[0-9.]+)(?P<unit>[KMGT]) of", re.IGNORECASE)
"""In what libtpu 0.0.42 says where a program does not fit: "Ran out of memory in memory space hbm. Used 19.41G of 15.75G hbm."."""
LEAST_EFFORT = -1.0
"""Of -1 to 1 (JAX's option exec_time_optimization_effort)."""
UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def compile_case(asked: CaseAhead) -> Compiled:
    """What the compiler says of a case. Raises MissingExtraError without libtpu."""
    mesh = mesh_for(asked.target, asked.case.devices, _jax_steps.BATCH)
    jax.config.update("jax_exec_time_optimization_effort", LEAST_EFFORT)
    begun_s = time.perf_counter()
    versions: dict[str, Any] = {"jax": version("jax"), "libtpu": version("libtpu")}
    try:
        with _xla_target.target(platform="tpu"), jax.sharding.use_abstract_mesh(mesh.abstract_mesh):
            result = _compiled(mesh, asked.case)
    except (jax.errors.JaxRuntimeError, LambdabenchError) as error:
        result = _refused(error)
    return dataclasses.replace(result, seconds=time.perf_counter() - begun_s, **versions)


def _compiled(mesh: Mesh, case: Case) -> Compiled:
    own = tuple(pair for pair in case.options if pair[0] not in jax_jit.OPTIONS)
    workload: Any = outline(lambda: models.create_workload(dataclasses.replace(case, options=own), "jax"))  # pyright: ignore[reportArgumentType]
    steps, params, rest = _jax_steps.steps_of(workload, case)
    whole, split = _jax_steps.shardings(mesh)
    arrays = [
        [
            jax.ShapeDtypeStruct(leaf.shape, _jax_steps.param_dtype_of(leaf.dtype, case))
            for leaf in jax.tree.leaves(params)
        ],
        [jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(rest)],
        _inputs(workload, case),
    ]
    program: Any = jax.jit(
        steps.work(mesh, "tpu"), in_shardings=(whole, whole, split), donate_argnums=_jax_steps.donated_of(case)
    )
    with jax.default_matmul_precision(_jax_steps.precision_of(case)):
        memory = program.lower(*arrays).compile().memory_analysis()
    return Compiled(
        status="fits",
        kernel=_kernels(workload),
        argument_bytes=memory.argument_size_in_bytes,
        extra_bytes=memory.temp_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes,
    )


def _inputs(workload: Workload, case: Case) -> tuple[Any, ...]:
    """Shapes of the whole batch, from inputs that are made for one image."""
    single = workload.inputs(dataclasses.replace(case, batch_size=1), 0)
    return tuple(
        jax.ShapeDtypeStruct((case.batch_size, *array.shape[1:]), _jax_steps.input_dtype_of(array.dtype, case))
        for array in single
    )


def _kernels(workload: Workload) -> str:
    chosen = [getattr(module, "kernel", None) for _, module in nnx.iter_modules(workload.network)]
    return ",".join(sorted({kernel for kernel in chosen if isinstance(kernel, str)}))


def _refused(error: Exception) -> Compiled:
    text = " ".join(str(error).split())
    used = FULL.search(text)
    if used is None:
        return Compiled(status="refused", reason=f"{type(error).__name__}: {text[:300]}")
    needed_bytes = int(float(used["used"]) * UNITS[used["unit"].upper()])
    return Compiled(status="too_large", reason=text[used.start() : used.start() + 80], needed_bytes=needed_bytes)


def answer(folder: Path) -> None:
    """Reads request.json; compiles; writes answer.json."""
    try:
        compiled = compile_case(codec.read(CaseAhead, folder / "request.json"))
    except MissingExtraError as error:
        compiled = Compiled(status="absent", reason=str(error))
    codec.write(folder / "answer.json", compiled)
