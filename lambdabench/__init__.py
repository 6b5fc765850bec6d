"""lambdabench: speed and accuracy of vision backbones, measured so that the numbers can be trusted.

Importing this loads no framework; each public name loads what it needs when it is called.
"""

from typing import Any

__version__ = "0.1.0"


def __dir__() -> list[str]:
    return [
        "__version__",
        "accelerate",
        "answers",
        "create_layer",
        "create_model",
        "fold",
        "pareto",
        "plot",
        "read",
        "run",
        "wide",
    ]


def __getattr__(name: str) -> Any:
    """Public names, loaded on demand."""
    if name == "create_model":
        from .models import create

        return create
    if name == "create_layer":
        from .layers import create

        return create
    if name == "accelerate":
        from .timm import accelerate

        return accelerate
    if name == "fold":
        from .backends._torch_fold import fold

        return fold
    if name == "answers":
        from .commands import answers_of

        return answers_of
    if name in ("read", "wide", "pareto", "plot", "run"):
        from . import commands

        return getattr(commands, f"{name}_frame")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
