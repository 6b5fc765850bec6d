"""One function compiled ahead of time by XLA, with the seconds of each stage, and a count of whatever is compiled afterwards."""

import functools
import itertools
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp
from jax.experimental import multihost_utils
from jax.experimental.compilation_cache import compilation_cache

from ..core import caches
from ..core import jaxpr as traced_program
from ..core.record import Compilation

COMPILED = "/jax/core/compile/backend_compile_duration"
"""JAX's event of one compilation."""


class Program:
    """Compiled once, on its first arguments; donated arguments are gone after a run."""

    def __init__(
        self,
        work: Callable[..., Any],
        *,
        precision: str,
        donated: tuple[int, ...],
        shardings: tuple[Any, ...],
        cached: bool,
    ) -> None:
        self._work: Any = jax.jit(work, in_shardings=shardings, donate_argnums=donated)
        self._precision = precision
        self._compiled: Any = None
        self._graphs = 0
        self._stages = (0.0, 0.0, 0.0)
        self.jaxpr: Any = None
        _start_compiler()
        _set_cache(cached)
        jax.clear_caches()

    @property
    def ready(self) -> bool:
        return self._compiled is not None

    def compile(self, *arguments: Any) -> Any:
        """Traces, lowers, compiles; the traced program."""
        jax.monitoring.register_event_duration_secs_listener(self._heard)
        times = [time.perf_counter()]
        with jax.default_matmul_precision(self._precision):
            traced = self._work.trace(*arguments)
            times.append(time.perf_counter())
            lowered = traced.lower()
            times.append(time.perf_counter())
            self._compiled = lowered.compile()
        times.append(time.perf_counter())
        self.jaxpr = traced.jaxpr.jaxpr
        graphs = self._graphs
        self._stages = tuple(agreed([end - start for start, end in itertools.pairwise(times)]))
        self._graphs = graphs  # agreeing compiles a program of its own
        return self.jaxpr

    def run(self, *arguments: Any) -> Any:
        return self._compiled(*arguments)

    def done(self) -> Compilation | None:
        """None until there is something to tell."""
        if not self.ready:
            return None
        trace_s, lower_s, compile_s = self._stages
        return Compilation(
            compiler="xla", seconds=trace_s + lower_s + compile_s, graphs=self._graphs, trace_s=trace_s, lower_s=lower_s
        )

    def extra_bytes(self) -> float:
        """What a run takes on one device beside its arguments: temporaries, and outputs that do not take an argument's place; NaN where
        a compiler does not tell."""
        item = self._compiled.memory_analysis()
        if item is None:
            return math.nan
        return item.temp_size_in_bytes + item.output_size_in_bytes - item.alias_size_in_bytes

    def compiler_flops(self) -> float | None:
        """FLOP of a run over all devices, by XLA's count; None where it has none, or where loops and kernels make it no count of a run."""
        if not self.ready or not traced_program.is_countable(self.jaxpr):
            return None
        result = (self._compiled.cost_analysis() or {}).get("flops")
        return None if result is None else float(result) * self._compiled_for()

    def close(self) -> None:
        if self.ready:
            jax.monitoring.unregister_event_duration_listener(self._heard)
        self._compiled = self._work = self.jaxpr = None

    def _compiled_for(self) -> int:
        return jax.tree.leaves(self._compiled.input_shardings)[0].num_devices

    def _heard(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        self._graphs += event == COMPILED


def agreed(values: Sequence[float]) -> Sequence[float]:
    """The first host's values, on all hosts; the values themselves where there is one."""
    if jax.process_count() == 1:
        return values
    width = 2048  # of one shape, so that it compiles once; as bytes, since JAX would round to float32
    padded = np.zeros(width)
    padded[: len(values)] = values
    item = multihost_utils.broadcast_one_to_all(padded.view(np.uint8))
    return np.asarray(item).view(np.float64)[: len(values)].tolist()


@functools.cache
def _start_compiler() -> None:
    """What XLA and this module compile once a process, so that the first case compiles no longer than the second."""
    jax.jit(lambda x: x + 1)(jnp.zeros(64)).block_until_ready()


def _set_cache(used: bool) -> None:
    """XLA's programs on disk: in the user's cache folder, unless JAX_COMPILATION_CACHE_DIR names another; or not at all."""
    home = caches.folder() / "xla"
    jax.config.update("jax_enable_compilation_cache", used)
    if used:
        jax.config.update("jax_compilation_cache_dir", os.environ.get("JAX_COMPILATION_CACHE_DIR") or str(home))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache.reset_cache()
