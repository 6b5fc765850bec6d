"""pytest-benchmark's runs as lambdabench's rows (`--lambdabench DIR`), and the side of `lambdabench check` that runs in pytest.

It is loaded in every pytest run of its users: whatever it needs is imported when an option asks for it.
"""

from pathlib import Path
from typing import Any


def pytest_addoption(parser: Any) -> None:
    """`--lambdabench DIR`; the others are the gate's own."""
    group = parser.getgroup("lambdabench")
    group.addoption(
        "--lambdabench", metavar="DIR", default=None, help="record pytest-benchmark's results as rows in DIR"
    )
    group.addoption("--lambdabench-pair", metavar="FOLDER", default=None, help="used by lambdabench check")
    group.addoption("--lambdabench-serve", metavar="GLOB", default=None, help="used by lambdabench check")


def pytest_configure(config: Any) -> None:
    """Registers what was asked for."""
    if folder := config.getoption("--lambdabench-pair"):
        from .worker.users import Pairing

        pairing = Pairing(Path(folder))
        config.pluginmanager.register(pairing, "lambdabench-pair")
    if only := config.getoption("--lambdabench-serve"):
        from .worker.serve import Serving

        config.pluginmanager.register(Serving(only), "lambdabench-serve")
