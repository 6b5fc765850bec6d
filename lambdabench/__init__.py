"""lambdabench: speed and accuracy of vision backbones, measured so that the numbers can be trusted.

Importing this loads no framework; each public name loads what it needs when it is called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .backends._torch_fold import fold
    from .commands.frames import answers_of as answers
    from .commands.frames import pareto_frame as pareto
    from .commands.frames import read_frame as read
    from .commands.frames import wide_frame as wide
    from .commands.from_python import compare_commits as check
    from .commands.from_python import recommend
    from .commands.from_python import report_pages as write_report
    from .commands.from_python import run_frame as run
    from .commands.plot import plot_frame as plot
    from .layers import create as create_layer
    from .models import create as create_model
    from .timm import accelerate

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "accelerate",
    "answers",
    "check",
    "create_layer",
    "create_model",
    "fold",
    "pareto",
    "plot",
    "read",
    "recommend",
    "run",
    "wide",
    "write_report",
]

_PLACES = {
    "accelerate": (".timm", "accelerate"),
    "answers": (".commands", "answers_of"),
    "check": (".commands", "compare_commits"),
    "create_layer": (".layers", "create"),
    "create_model": (".models", "create"),
    "fold": (".backends._torch_fold", "fold"),
    "pareto": (".commands", "pareto_frame"),
    "plot": (".commands", "plot_frame"),
    "read": (".commands", "read_frame"),
    "recommend": (".commands", "recommend"),
    "run": (".commands", "run_frame"),
    "wide": (".commands", "wide_frame"),
    "write_report": (".commands", "report_pages"),
}
"""Each public name: the module that has it, and its name there."""


def __dir__() -> list[str]:
    return list(__all__)


def __getattr__(name: str) -> Any:
    """Public names, loaded on demand."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(module, __name__), attribute)
