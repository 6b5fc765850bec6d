"""What starts shares of a suite on nodes, one system a module, behind `core.fleet.Engine`. Each starts the same program."""

import os
import shutil
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ...core.fleet import Node
from ...core.registry import ROOT

TRAVELS = (".parquet", ".json", ".toml", ".log")
"""Endings of what a share is made of."""

LEAST_BYTES = 2**24
"""Of a disk, under which it is as good as full."""


def work_command(folder: str, attempt: int) -> list[str]:
    """What a node runs: the attempt that is described in a share's folder, which may be an address."""
    return [sys.executable, "-m", ROOT, "fleet", "work", folder, "--attempt", str(attempt)]


def free_node(nodes: Sequence[Node], kind: str, busy: Collection[str], avoid: Collection[str]) -> Node | None:
    """A node of a kind on which nothing runs, none of those to avoid where there is another; None where there is none."""
    free = [node for node in nodes if node.kind == kind and node.name not in busy]
    return min(free, key=lambda node: node.name in avoid, default=None)


def exit_words(code: int, ailing: str) -> str:
    """How a process ended that wrote nothing of its end, and what ails its disk."""
    how = f"exit code {code}" if code >= 0 else f"signal {-code}"
    return f"{how}; {ailing}" if ailing else how


def full_disk(folder: Path) -> str:
    """What to say of a disk on which nothing can be written; empty where there is room."""
    free_bytes = shutil.disk_usage(folder).free
    return f"its disk has {free_bytes / 2**20:.0f} MiB left" if free_bytes < LEAST_BYTES else ""


def folder_files(folder: Path) -> dict[str, bytes]:
    """What a share's folder holds, by path below it; what is half written is left out."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in TRAVELS and not path.name.startswith(".") and path.is_file()
    }


def bring(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files below a folder, each aside and then renamed."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_bytes(content)
        aside.replace(path)
