"""What classifiers of every framework share: their size, and where a user's own network comes from. No framework is imported."""

import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import LambdabenchError, NetworkError, UnsupportedError
from ...core.sources import FILES

CLASSES = 1000
USER_PX = 224
"""Image size of a user's own network where none is asked for."""
REFUSALS = (LambdabenchError, TypeError, AssertionError, ValueError)
"""What making a network raises for a value that it does not take."""
STRANGE = re.compile(r"unexpected keyword argument '(\w+)'")


def is_users(model: str) -> bool:
    """Whether a model's name is a reference to the user's own: file.py:callable, module:callable, net.pt2 or net.onnx."""
    return ":" in model or model.endswith(FILES)


def call_users(reference: str, options: dict[str, Any]) -> Any:
    """What the callable of `file.py:callable` or `module:callable` returns. Its own exceptions pass through, so that the row can name
    their file and line; one that would end the worker, which has other cases to do, is a LambdabenchError."""
    try:
        return _called(reference, options)
    except SystemExit as error:
        raise NetworkError(
            f"{reference} calls sys.exit({'' if error.code is None else repr(error.code)}), expected a network; "
            'keep what a script does under if __name__ == "__main__":'
        ) from error


def _called(reference: str, options: dict[str, Any]) -> Any:
    place, _, attribute = reference.rpartition(":")
    if place.endswith(".py"):
        name = _module_name(place)
        spec = importlib.util.spec_from_file_location(name, Path(place).resolve())
        if spec is None or spec.loader is None:
            raise NetworkError(f"{place} cannot be imported; give a file of Python, file.py:callable")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        if (beside := str(Path(place).resolve().parent)) not in sys.path:
            sys.path.insert(0, beside)  # as for a script
        spec.loader.exec_module(module)
    else:
        sys.path.insert(0, str(Path.cwd()))
        module = importlib.import_module(place)
    if not hasattr(module, attribute):
        raise NetworkError(f"{place} has no {attribute!r}; name a callable there that returns the network")
    item = getattr(module, attribute)
    if not isinstance(item, type) and framework_of(item):  # flax gives its classes a type of its own
        if options:
            raise UnsupportedError(
                f"{reference} is a network and takes no option {', '.join(options)}; give what makes it"
            )
        return item
    return item(**options)


def beside(reference: str, name: str) -> Callable[..., Any] | None:
    """The function `make_<name>`, or else `<name>`, that stands beside the callable `make` of a user's file or module, which has been
    loaded; None where there is none."""
    place, _, attribute = reference.rpartition(":")
    module = sys.modules.get(_module_name(place) if place.endswith(".py") else place)
    items = (getattr(module, text, None) for text in (f"{attribute}_{name}", name))
    return next((item for item in items if callable(item)), None)


def _module_name(place: str) -> str:
    return "user_model_" + hashlib.sha256(place.encode()).hexdigest()[:8]


def framework_of(network: object) -> str:
    """ "torch" or "jax" for a module of theirs, told by the classes it descends from; "" for anything else."""
    origins = {kind.__module__.split(".")[0] for kind in type(network).__mro__}
    return "torch" if "torch" in origins else "jax" if "flax" in origins else ""


def refusal(model: str, error: Exception, takes: Sequence[str] = ()) -> UnsupportedError:
    """One of `REFUSALS` as what the case's row says; `takes` are the options there are, where they are known."""
    name = str(error)
    if isinstance(error, UnsupportedError):
        return error
    if strange := STRANGE.search(name):
        known = f"; it takes {', '.join(takes)}" if takes else ""
        return UnsupportedError(f"{model} takes no option {strange[1]!r}{known}")
    return UnsupportedError(name if name.startswith(model) else f"{model} cannot be made: {name}")
