"""What starts shares of a suite on nodes, one system a module, behind `core.fleet.Engine`. Each starts the same program."""

import sys

from ...core.registry import ROOT


def work_command(folder: str, attempt: int) -> list[str]:
    """What a node runs: the attempt that is described in a share's folder, which may be an address."""
    return [sys.executable, "-m", ROOT, "fleet", "work", folder, "--attempt", str(attempt)]
