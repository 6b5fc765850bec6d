"""A user's own model by its reference: which file it comes from, and the hash that says whether that file has changed."""

import hashlib
import importlib.util
from pathlib import Path

from .errors import SuiteError
from .spec import MODEL_NAME


def source_hash(model: str) -> str:
    """Hash of the source of a user's own model; empty for a name. Raises SuiteError where it is absent."""
    if MODEL_NAME.fullmatch(model) and not model.endswith(".pt2"):
        return ""
    place, _, attribute = model.rpartition(":")
    if model.endswith(".pt2"):
        path = Path(model)
    elif not place or not attribute.isidentifier():
        raise SuiteError(f"found --model {model}, expected file.py:callable, package.module:callable or net.pt2")
    elif place.endswith(".py"):
        path = Path(place)
    else:
        path = _module_file(place)
    if not path.is_file():
        raise SuiteError(f"--model {model}: there is no file {path}")
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _module_file(name: str) -> Path:
    own = Path(*name.split(".")).with_suffix(".py")
    if own.is_file():
        return own
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise SuiteError(f"--model {name}: there is no module of that name here")
    return Path(spec.origin)
