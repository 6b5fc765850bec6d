"""torch.compile with Inductor: the network, or in training network and loss with their backward pass; the optimizer's step
stays eager. Shapes are static (`dynamic=False`) and graph breaks are allowed (`fullgraph=False`), and told.

Every case is compiled cold: Inductor's and Triton's caches are an empty folder of the case's own, gone afterwards. What a
compiler does once a process (probing instruction sets, hashing its own source; 8 to 12 s on two cores) is done before the
first call, on one addition, so that the first case of a process compiles no longer than the second. The compiler may use all
cores, however many threads the case has.
"""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..core.errors import UnsupportedError
from ..core.ports import Session, Workload
from ..core.record import Compilation
from ..core.spec import Case, Device, Value
from ..core.worker_protocol import SCRATCH
from . import _torch_devices, _torch_session
from ._torch_session import TorchSession, refuse

FRAMEWORK = "torch"
COMPILES = True
LIBRARIES = _torch_devices.LIBRARIES
OPTIONS: Mapping[str, Value] = {**_torch_session.OPTIONS, "compile_mode": "default"}
CHOICES: Mapping[str, tuple[Value, ...]] = {
    **_torch_session.CHOICES,
    "compile_mode": ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"),
}
AUTHORS = "torch.compile by its author"
MISSING = {
    "InvalidCxxCompiler": "torch.compile finds no C++ compiler: install g++ (apt install g++, dnf install gcc-c++, "
    "xcode-select --install) or name one in CXX",
    "TritonMissing": "torch.compile needs Triton on this device: pip install triton, of the version that torch names",
    "GPUTooOldForTriton": "this GPU is too old for Triton; use --backend torch_eager",
    "Failed to find C compiler": "Triton finds no C compiler: install gcc, or name one in CC",
}
"""Error of torch, by type or text -> what to do."""


def find_devices() -> tuple[Device, ...]:
    """Accelerators, then the CPU. Raises MissingExtraError without torch."""
    return _torch_devices.find_devices("torch_compile")


def prepare(case: Case) -> None:
    """Nothing: torch takes its settings when the session opens."""


def open_session(workload: Workload | None, case: Case, seed: int) -> Session:
    """Places the network; its first call compiles. Raises UnsupportedError with what to ask, or to install, instead."""
    assert workload is not None
    refuse(case)
    mode = str(dict(case.options).get("compile_mode", OPTIONS["compile_mode"]))
    if mode not in CHOICES["compile_mode"]:
        raise UnsupportedError(
            f"compile_mode {mode!r} is unknown; use one of {', '.join(map(str, CHOICES['compile_mode']))}"
        )
    start_compiler(case.device)
    return TorchSession(workload, case, seed, InductorCompiler(mode))


class InductorCompiler:
    """Compiles one callable with empty caches, and counts what the compiler does until it is closed.

    Without a mode the callable compiles itself, since its author called torch.compile on it, or on something that it calls: where
    that cannot be told before, `cold` is false, and caches are left alone.
    """

    def __init__(self, mode: str | None, *, cold: bool = True) -> None:
        self._mode, self._cold, self._seconds, self._start_s = mode, cold, 0.0, 0.0
        self._held = contextlib.ExitStack()

    def wrap(self, work: Callable[..., Any]) -> Callable[..., Any]:
        import torch

        self._held.enter_context(_cold_caches() if self._cold else _own_counters())
        watch = torch._dynamo.callback.callback_handler
        watch.register_start_callback(self._started)
        watch.register_end_callback(self._ended)
        self._held.callback(_forget, watch.start_callbacks, self._started)
        self._held.callback(_forget, watch.end_callbacks, self._ended)
        return work if self._mode is None else torch.compile(work, mode=self._mode, fullgraph=False, dynamic=False)

    def done(self) -> Compilation | None:
        from torch._dynamo.utils import counters

        frames = counters["frames"]
        if self._mode is None and not counters["stats"]["unique_graphs"]:
            return None
        return Compilation(
            compiler=AUTHORS if self._mode is None else f"inductor {self._mode}",
            seconds=self._seconds,
            graphs=counters["stats"]["unique_graphs"],
            breaks=sum(counters["graph_break"].values()),
            eager_frames=frames["total"] - frames["ok"],
        )

    def close(self) -> None:
        self._held.close()

    def _started(self, _: Any) -> None:
        self._start_s = time.perf_counter()

    def _ended(self, _: Any) -> None:
        self._seconds += time.perf_counter() - self._start_s


@contextlib.contextmanager
def _cold_caches() -> Iterator[None]:
    """Nothing compiled before is remembered, in memory or on disk, within or afterwards. Errors of the compiler are raised."""
    import torch._dynamo
    from torch._inductor.utils import fresh_cache

    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    torch._dynamo.config.suppress_errors = False
    folder = contextlib.ExitStack()
    folder.enter_context(fresh_cache(dir=os.environ.get(SCRATCH)))
    try:
        yield
    finally:
        torch._dynamo.reset()
        folder.close()  # told of no error: it would keep the folder


@contextlib.contextmanager
def _own_counters() -> Iterator[None]:
    """What was compiled before is not counted."""
    import torch._dynamo

    torch._dynamo.utils.counters.clear()
    yield


@functools.cache
def start_compiler(device: str) -> None:
    """What the compiler does once a process. Raises UnsupportedError where it lacks a compiler of its own."""
    import torch

    try:
        with _cold_caches():
            torch.compile(_add_one, dynamic=False)(torch.zeros(64, device=device))
    except Exception as error:
        for base_exception in _chain(error):
            for sign, remedy in MISSING.items():
                if sign == type(base_exception).__name__ or sign in str(base_exception):
                    raise UnsupportedError(remedy) from error
        raise


def _forget(callbacks: list[Any], item: Any) -> None:
    """Unless torch has forgotten it already, as it does where everything compiled is dropped."""
    if item in callbacks:
        callbacks.remove(item)


def _add_one(x: Any) -> Any:
    return x + 1


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those it wraps."""
    while error is not None:
        yield error
        error = getattr(error, "inner_exception", None) or error.__cause__ or error.__context__
