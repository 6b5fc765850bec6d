"""Ways to apply the lambdas of a lambda layer: one file each behind one name, and `reference`, the mathematics they all equal.

`grid_attention` is what the attention baselines run. Any other module has `apply(queries, values, content, embeddings)` and is a
choice of the layer's option `kernel`: those called `xla_...` in JAX, with channels last, the others in torch.
"""

import importlib.util
import math

from ..core import kernel_times, registry
from ..core.errors import OptionError
from ..facts import kernel_times as facts
from ._cpu import problem

APART = ("grid_attention", "reference", "reference_attention")
"""Modules that are no way to apply lambdas."""
XLA = "xla_"
PALLAS = "xla_pallas"
TRITON = ("triton", "triton_streamed")
DENSE_POSITIONS = 256
"""Positions of a map up to which all pairs of them are few."""
WIDE_SCOPE, WIDE_SIDE, LARGE_SIDE = 15, 24, 40
"""Scope with side of a map, and side of a map at any scope, from which transforms are quicker on a CPU than rows of the window."""


def names(framework: str = "torch") -> tuple[str, ...]:
    """What the option `kernel` may be in a framework, besides "auto"."""
    return tuple(
        name for name in registry.names("kernels") if name not in APART and name.startswith(XLA) == (framework == "jax")
    )


def choose(kernel: str) -> str:
    """The implementation that runs in torch for the option `kernel`; those of one device pass what is elsewhere to "conv2d".

    Raises UnknownNameError with the nearest, OptionError for what cannot be had here.
    """
    if kernel == "auto":
        return "conv2d" if problem() else "cpu"
    if kernel == "cpu" and problem():
        raise OptionError(problem())
    if kernel in TRITON and importlib.util.find_spec("triton") is None:
        raise OptionError(
            f"kernel {kernel} needs triton, which torch brings where it is made for CUDA; pip install triton"
        )
    return check(kernel, "torch")


def choose_on(kind: str, side: float, scope: float) -> str:
    """The implementation that runs in torch for "auto" on a device that is no CPU, by what its kind is called, the side of the map and
    the scope: the quickest that was measured there, else the portable one."""
    times = [time for time in kernel_times.of_kind(facts.known(), kind) if time.kernel in names("torch")]
    return next(iter(kernel_times.ranking(times, side, scope)), "conv2d")


def choose_xla(
    kernel: str,
    size: tuple[int, ...],
    context_size: tuple[int, ...],
    scope: tuple[int, ...],
    platform: str,
    *,
    compiled: bool = False,
) -> str:
    """The implementation that runs in JAX for the option `kernel`, by the sides of both maps, the scope (rows, columns) and
    the platform ("cpu", "gpu", "tpu"). `compiled`: the compiled kernel may run. Raises what `check` raises."""
    if kernel == PALLAS:
        pallas = registry.load("kernels", PALLAS)
        return PALLAS if pallas.runs(platform, size, context_size, scope) else "xla_rows"
    if kernel != "auto":
        return check(kernel, "jax")
    if compiled and platform == "cpu":
        return "xla_cpu"
    if chosen := _by_times(size, context_size, scope, platform):
        return chosen
    few = max(size[0] * size[1], context_size[0] * context_size[1]) <= DENSE_POSITIONS
    if platform != "cpu":
        return "xla_dense" if few else "xla_rows"
    if few and min(scope) >= max(size):  # else most pairs of positions are outside each other's window
        return "xla_dense"
    wide = min(scope) >= WIDE_SCOPE and min(size) >= WIDE_SIDE
    return "xla_fft" if wide or min(size) >= LARGE_SIDE else "xla_rows"


def _by_times(size: tuple[int, ...], context_size: tuple[int, ...], scope: tuple[int, ...], platform: str) -> str:
    """The quickest by what is known of this kind of device, measured or by a model; empty where nothing is, and on a CPU."""
    if platform == "cpu":
        return ""
    from . import _xla_target

    times = kernel_times.of_kind(facts.known(), _xla_target.kind())
    for kernel in kernel_times.ranking(times, math.sqrt(math.prod(size)), math.sqrt(math.prod(scope))):
        if kernel in names("jax") and choose_xla(kernel, size, context_size, scope, platform) == kernel:
            return kernel
    return ""


def check(kernel: str, framework: str) -> str:
    """The kernel's name. Raises OptionError where it belongs to the other framework, UnknownNameError with the nearest."""
    here = names(framework)
    if kernel in here:
        return kernel
    if kernel in names("jax" if framework == "torch" else "torch"):
        raise OptionError(f"kernel {kernel} does not run in {framework}; there are auto, {', '.join(here)}")
    raise registry.unknown("kernel", kernel, ("auto", *here))
