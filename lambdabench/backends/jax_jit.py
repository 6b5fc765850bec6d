"""JAX: one program of the whole step, compiled ahead of time by XLA, on CPU, CUDA and TPU, over one device or several, on one host or
several. A training step is network, loss, gradients and plain SGD in that one program, its state donated from call to call.

Every case is compiled cold (compile_cache = "off"), in memory and on disk; "on" takes what an earlier run left in the user's
cache folder. What XLA does once a process is done before the first call, on one addition.
"""

from collections.abc import Mapping
from importlib.util import find_spec

from ..core.errors import MissingExtraError, UnsupportedError
from ..core.ports import Session, Workload
from ..core.spec import Case, Device, Value
from . import _jax_devices

FRAMEWORK = "jax"
SEVERAL_HOSTS = True
COMPILES = True
LIBRARIES = _jax_devices.LIBRARIES
OPTIONS: Mapping[str, Value] = {"compile_cache": "off"}
CHOICES: Mapping[str, tuple[Value, ...]] = {"compile_cache": ("off", "on")}
INSTALL = 'pip install "lambdabench[jax]"'


def find_devices() -> tuple[Device, ...]:
    """Accelerators, then CPUs, those of other hosts counted in. Raises MissingExtraError without JAX."""
    for name in ("jax", "flax"):
        if find_spec(name) is None:
            raise MissingExtraError(f"{name} is not installed: {INSTALL}")
    return _jax_devices.find_devices("jax_jit")


def prepare(case: Case) -> None:
    """Threads, platform and the other hosts, which JAX takes before its first use or never."""
    _jax_devices.prepare(case)


def open_session(workload: Workload | None, case: Case, seed: int) -> Session:
    """Places the network; its first call compiles. Raises UnsupportedError with what to ask instead."""
    from ._jax_session import JaxSession

    assert workload is not None
    cache = str(dict(case.options).get("compile_cache", OPTIONS["compile_cache"]))
    if cache not in CHOICES["compile_cache"]:
        raise UnsupportedError(f"compile_cache {cache!r} is unknown; use one of off, on")
    _jax_devices.refuse(case)
    return JaxSession(workload, case, seed, cached=cache == "on")
