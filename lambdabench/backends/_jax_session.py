"""A case in JAX: the network split once into its structure and arrays, one compiled program a step, arrays placed before timing.

On several devices the batch is split over a mesh and the parameters are on each of them. The program is written for the whole
batch, so that batch normalisation takes its statistics over all devices, as synchronised BatchNorm does elsewhere. On several
hosts all take the first one's times, so that they decide alike how many calls follow.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from flax import nnx
from jax import numpy as jnp
from jax.sharding import AxisType

from ..core import jaxpr as traced_program
from ..core.dtypes import HELD_IN
from ..core.errors import MismatchError
from ..core.ports import MemoryMeter, Workload
from ..core.record import Compilation, Effective
from ..core.spec import Case
from ._jax_devices import devices_of, name_of, pool_threads
from ._jax_program import Program, agreed
from ._jax_steps import BATCH, donated_of, input_dtype_of, param_dtype_of, precision_of, shardings, steps_of

SHOWN = 1000
"""Numbers of an output that are kept."""
PLANNED, SEEN = "xla memory analysis", "xla device peak"
"""How memory was read."""


class _Clock:
    """The first host's seconds, without those in which hosts tell each other what they are: that takes milliseconds, and would be part
    of what is timed."""

    def __init__(self) -> None:
        self._telling_s = 0.0

    def now(self) -> float:
        before_s = time.perf_counter()
        seconds = float(agreed([before_s - self._telling_s])[0])
        self._telling_s += time.perf_counter() - before_s
        return seconds


class JaxSession:
    """A `core.ports.Session`."""

    clock = _Clock()
    asynchronous = True

    def __init__(self, workload: Workload, case: Case, seed: int, *, cached: bool) -> None:
        self._case, self._workload = case, workload
        devices = devices_of(case)
        mesh = jax.make_mesh((len(devices),), (BATCH,), axis_types=(AxisType.Auto,), devices=devices)
        self._whole, self._split = shardings(mesh)
        self._steps, params, rest = steps_of(workload, case)
        params = jax.tree.map(self._parameter, params)
        self._params, self._rest = self._placed(params), self._placed(rest)
        self._inputs = tuple(jax.device_put(self._input(item), self._split) for item in workload.inputs(case, seed))
        self._own = bool(case.model_hash) or ":" in case.model
        self._pending: Any = ()
        self._program = Program(
            self._steps.work(mesh),
            precision=precision_of(case),
            donated=donated_of(case),
            shardings=(self._whole, self._whole, self._split),
            cached=cached,
        )
        self.meter: MemoryMeter = _XlaMeter(self._program, devices)

    def call(self) -> Any:
        state = self._params, self._rest, self._inputs
        if not self._program.ready:
            self._check_dtype(self._program.compile(*state))
        if self._case.mode != "train":
            self._pending = self._program.run(*state)
            return self._pending
        self._params, self._rest, output, _ = self._pending = self._program.run(*state)
        return output

    def feed(self, inputs: tuple[Any, ...]) -> None:
        self._inputs = tuple(jax.device_put(self._input(item), self._split) for item in inputs)

    def synchronize(self) -> None:
        """Programs of one device run in the order they were sent, so the last one is all of them."""
        jax.block_until_ready(self._pending)

    def time_calls(self, count: int) -> Sequence[float]:
        times: list[float] = []
        for _ in range(count):
            start_s = time.perf_counter()
            self.call()
            jax.block_until_ready(self._pending)
            times.append(time.perf_counter() - start_s)
        return agreed(times)

    def compilation(self) -> Compilation | None:
        return self._program.done()

    def effective(self, output: Any) -> Effective:
        outputs = _arrays(output)
        there = sorted(outputs[0].sharding.device_set, key=lambda item: item.id)
        program = self._program.jaxpr
        computed = _names(traced_program.operand_dtypes(program))
        held = _names({param.dtype for param in self._params})
        return Effective(
            mode=self._found_mode(output),
            device=name_of(there[0], jax.devices(there[0].platform)),
            devices=len(there),
            param_dtype=held,
            output_dtype=_names({output.dtype for output in outputs}),
            autocast="" if computed == held else computed,
            threads=pool_threads() if there[0].platform == "cpu" else None,
            matmul=_names(traced_program.precisions(program)),
            batch_size=self._found_batch(outputs),
            kernel=_names(
                {module.kernel for module in self._modules() if isinstance(getattr(module, "kernel", None), str)}
            ),
            features=self._workload.features(output, self._case),
            inputs=", ".join(
                f"{argument.dtype} {'x'.join(map(str, argument.shape))}"
                for argument in self._workload.arguments(self._inputs)
            ),
        )

    def check(self, output: Any) -> str:
        if problem := self._workload.check(output, self._case):
            return problem
        parts = [
            _floats(part.data) for array in _arrays(output) for part in array.addressable_shards if not part.replica_id
        ]
        wrong = sum(int((~np.isfinite(part)).sum()) for part in parts)
        return f"{wrong} of {sum(part.size for part in parts)} outputs are not finite" if wrong else ""

    def doubts(self) -> tuple[str, ...]:
        """None: a compiled program does the same in every call and keeps nothing."""
        return ()

    def values(self, output: Any) -> tuple[float, ...]:
        first = _arrays(output)[0].addressable_shards[0].data
        return tuple(np.asarray(first, np.float64).ravel()[:SHOWN].tolist())

    def array(self, output: Any) -> Any:
        return np.asarray(_arrays(output)[0].astype(jnp.float32))

    def parameters(self) -> int:
        return sum(param.size for param in self._params)

    def parameter_bytes(self) -> int:
        """Of all devices: each holds all parameters."""
        return sum(_bytes_everywhere(param) for param in self._params)

    def input_bytes(self) -> int:
        return sum(_bytes_everywhere(item) for item in self._inputs)

    def interaction_bytes(self) -> int | None:
        return self._workload.interaction_bytes(self._case)

    def flops(self) -> float:
        if not self._program.ready:
            self.call()
        return traced_program.flops(self._program.jaxpr)

    def compiler_flops(self) -> float | None:
        return self._program.compiler_flops()

    def rest(self) -> None:
        """XLA's own allocator gives nothing back."""

    def close(self) -> None:
        self._program.close()
        del self._params, self._rest, self._inputs, self._pending, self._program, self.meter

    def _modules(self) -> list[Any]:
        network = self._steps.network(self._params, self._rest)
        return [module for _, module in nnx.iter_modules(network)]

    def _placed(self, state: Any) -> list[Any]:
        """Its arrays, on all devices. A copy: training gives its arrays away."""
        return [jax.device_put(leaf, self._whole, may_alias=False) for leaf in jax.tree.leaves(state)]

    def _parameter(self, array: Any) -> Any:
        return array.astype(param_dtype_of(array.dtype, self._case))

    def _input(self, array: Any) -> Any:
        return array.astype(input_dtype_of(array.dtype, self._case))

    def _check_dtype(self, program: Any) -> None:
        """Raises MismatchError where no product is computed in the half precision asked for, or one is where none was."""
        names = traced_program.operand_dtypes(program)
        asked = HELD_IN[self._case.dtype]
        if names and (asked not in names if asked != "float32" else names != {asked}):
            raise MismatchError(
                f"the network computes in {_names(names)} and not in {asked}: "
                "give its modules dtype, as in nnx.Linear(..., dtype=jnp.bfloat16)"
            )

    def _found_batch(self, outputs: tuple[Any, ...]) -> int:
        """Images that every output is of; of a user's own network, one at least."""
        sizes = [int(output.shape[0]) for output in outputs if output.ndim]
        asked = self._case.batch_size
        return asked if asked in sizes and self._own else min(sizes, default=asked)

    def _found_mode(self, output: Any) -> str:
        """The mode of every part that has one; "" where none has. Several outputs are features, but of a user's own network."""
        modules = self._modules()
        flags = {
            getattr(module, name)
            for module in modules
            for name in ("use_running_average", "deterministic")
            if _is_flag(module, name)
        }
        if flags == {False}:
            return "train"
        if len(flags) == 2:
            return "mixed"
        several = isinstance(output, (list, tuple)) and not self._own
        return "features" if several else "inference" if flags else ""


class _XlaMeter:
    """What the compiled program takes beside its arguments, by XLA's own plan: temporaries, and outputs that take no argument's place.
    Where the device keeps a peak and the call raised it, the peak minus what was in use before; but not of a call that compiles,
    whose peak may be the compiler's. `name` says which of the two the last call's is."""

    def __init__(self, program: Program, devices: list[Any]) -> None:
        self._program, self._devices = program, devices
        self.name = PLANNED

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        compiled, before = self._program.ready, _stats(self._devices)
        result = work()
        after = _stats(self._devices)
        if compiled and before and after["peak_bytes_in_use"] > before["peak_bytes_in_use"]:
            self.name, extra_bytes = SEEN, after["peak_bytes_in_use"] - before["bytes_in_use"]
        else:
            self.name, extra_bytes = PLANNED, self._program.extra_bytes()
        return float(extra_bytes * len(self._devices)), result


def _stats(devices: list[Any]) -> dict[str, int]:
    """The first device's own: all hold the same."""
    return devices[0].memory_stats() or {} if devices[0].process_index == jax.process_index() else {}


def _arrays(output: Any) -> tuple[Any, ...]:
    """Every array of an output, whatever holds them."""
    return tuple(leaf for leaf in jax.tree.leaves(output) if isinstance(leaf, jax.Array))


def _floats(array: Any) -> Any:
    return np.asarray(array).astype(np.float32)


def _bytes_everywhere(array: Any) -> int:
    shape = array.sharding.shard_shape(array.shape)
    return int(np.prod(shape)) * array.dtype.itemsize * array.sharding.num_devices


def _is_flag(module: Any, name: str) -> bool:
    return isinstance(getattr(module, name, None), bool)


def _names(values: set[Any]) -> str:
    return ",".join(sorted({part for value in values for part in str(value).split(",")}))
