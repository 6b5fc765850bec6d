"""Has a worker ask a device for `prove`: the parent loads no framework."""

import tempfile
from pathlib import Path
from typing import TypeVar

from ..core import codec
from ..core.errors import ProbeError
from ..core.proof_protocol import Copied, Loaded, ProofAnswered, ProofAsked
from .one_shot_worker import ask

LIMIT_S = 300.0
Found = TypeVar("Found", ProofAnswered, Loaded, Copied)


def prove(asked: ProofAsked, kind: type[Found], *, limit_s: float = LIMIT_S) -> Found:
    """What the framework found on the device, of the kind that was asked for. Raises ProbeError with the worker's last words."""
    with tempfile.TemporaryDirectory(prefix="lambdabench-prove-") as name:
        folder = Path(name)
        codec.write(folder / "request.json", asked)
        if failed := ask("prove", folder, limit_s=limit_s):
            raise ProbeError(f"{asked.framework} on {asked.device} {failed}; run lambdabench doctor")
        return codec.read(kind, folder / "answer.json")
