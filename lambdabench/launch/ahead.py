"""Has a worker compile a case for a machine that is not here: a process a case, since its compiler is neither stopped nor trusted."""

import tempfile
import time
from pathlib import Path

from ..core import caches, codec
from ..core.ahead import CaseAhead, Compiled
from ..core.errors import MissingExtraError
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
