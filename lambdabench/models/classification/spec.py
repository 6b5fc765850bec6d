"""What classifiers of every framework share: their size, and where a user's own network comes from. No framework is imported."""

import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from ...core.errors import LambdabenchError

CLASSES = 1000
USER_PX = 224
"""Image size of a user's own network where none is asked for."""


def is_users(model: str) -> bool:
    """Whether a model's name is a reference to the user's own: file.py:callable, module:callable, or net.pt2."""
    return ":" in model or model.endswith(".pt2")


def call_users(reference: str, options: dict[str, Any]) -> Any:
    """What the callable of `file.py:callable` or `module:callable` returns. Its own exceptions pass through, so that the row can name
    their file and line."""
    place, _, attribute = reference.rpartition(":")
    if place.endswith(".py"):
        name = "user_model_" + hashlib.sha256(place.encode()).hexdigest()[:8]
        spec = importlib.util.spec_from_file_location(name, Path(place).resolve())
        if spec is None or spec.loader is None:
            raise LambdabenchError(f"{place} cannot be imported")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, str(Path.cwd()))
        module = importlib.import_module(place)
    if not hasattr(module, attribute):
        raise LambdabenchError(f"{place} has no {attribute!r}")
    return getattr(module, attribute)(**options)


def framework_of(network: object) -> str:
    """ "torch" or "jax" for a module of theirs, told by the classes it descends from; "" for anything else."""
    origins = {one.__module__.split(".")[0] for one in type(network).__mro__}
    return "torch" if "torch" in origins else "jax" if "flax" in origins else ""
