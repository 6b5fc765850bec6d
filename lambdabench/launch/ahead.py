"""Has a worker compile a case or a kernel for a machine that is not here: a process each, since its compiler is neither stopped nor
trusted."""

import tempfile
import time
from pathlib import Path

from ..core import caches, codec
from ..core.ahead import CaseAhead, Compiled, CostAhead
from ..core.errors import MissingExtraError
from ..core.kernel_times import KernelTime
from ..core.targets import variables
from .one_shot_worker import ask
from .process_start import worker_environment


def compile_case(asked: CaseAhead, *, limit_s: float) -> Compiled:
    """What the compiler says; of a process that took too long or died, that. Raises MissingExtraError without libtpu or JAX."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-ahead-") as name:
        folder, begun_s = Path(name), time.monotonic()
        codec.write(folder / "request.json", asked)
        failed = ask("ahead", folder, limit_s=limit_s, environment=worker_environment(None) | variables(asked.target))
        compiled = caches.read(Compiled, folder / "answer.json")
        if compiled is not None and compiled.status == "absent":
            raise MissingExtraError(compiled.reason)
        if compiled is not None:
            return compiled
        seconds = time.monotonic() - begun_s
    late = seconds >= limit_s
    return Compiled(
        status="unfinished" if late else "refused",
        reason=f"the compiler's process {failed or 'said nothing'}"[:300],
        seconds=seconds,
    )


def cost_of(asked: CostAhead, *, limit_s: float) -> KernelTime | str:
    """A kernel's seconds by the compiler's model, infinite where it refuses; of a process that took too long or died, that."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-cost-") as name:
        folder = Path(name)
        codec.write(folder / "request.json", asked)
        failed = ask("cost", folder, limit_s=limit_s, environment=worker_environment(None) | variables(asked.target))
        found = caches.read(KernelTime, folder / "answer.json")
    return found or f"the compiler's process {failed or 'said nothing'}"
