"""AOTInductor: the traced network compiled ahead of time into a package of machine code and weights, for the threads of the case."""

from pathlib import Path
from typing import Any

PACKAGES = ()
IMPORTS = ("torch.export", "torch._inductor.compile_fx")
QUANTISERS = ()
THREADED = True
"""Inductor writes the number of threads into its loops."""
INSTALL = 'pip install "lambdabench[torch]"'


def export(network: Any, arguments: tuple[Any, ...], keywords: dict[str, Any], path: Path) -> str:
    """Writes `path`; "AOTInductor". Raises whatever the tracer or the compiler does."""
    import torch
    from torch import _inductor

    program = torch.export.export(network, arguments, keywords or None)
    _inductor.aoti_compile_and_package(program, package_path=str(path))
    return "AOTInductor"
