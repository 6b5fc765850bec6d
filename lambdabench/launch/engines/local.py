"""Nodes of this machine: each of its accelerators, or its processor; scripted ones as many as are asked for. A share is a process."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import psutil

from ...core.fleet import NODE, Look, Node, Submitted, Task
from . import exit_words, free_node, full_disk, work_command

LEAVING_S = 5.0
"""Seconds in which a process is gone that has written its last words."""


class LocalEngine:
    """Processes in sessions of their own: they go on without the program that started them, and are known again by process and start."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = tuple(nodes)
        self._busy: dict[str, str] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def nodes(self) -> tuple[Node, ...]:
        return self._nodes

    def start(self, task: Task, folder: Path, avoid: Collection[str]) -> Submitted | None:
        busy = [node.name for node in self._nodes if self._is_busy(node.name)]
        node = free_node(self._nodes, task.share.kind, busy, avoid)
        if node is None:
            return None
        with (folder / "attempts" / f"{task.attempt}.log").open("ab") as log:
            child = subprocess.Popen(
                work_command(str(folder), task.attempt), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=_variables(node), start_new_session=True,
            )  # fmt: skip
        ticket = f"{child.pid}@{_began(child.pid)}"
        self._children[ticket], self._busy[node.name] = child, ticket
        return Submitted(ticket=ticket, node=node.name)

    def look(self, submitted: Submitted, folder: Path) -> Look:
        self._busy.setdefault(submitted.node, submitted.ticket)
        if _process(submitted.ticket) is not None and not self._has_ended(submitted.ticket):
            return Look(phase="running", node=submitted.node)
        child = self._children.get(submitted.ticket)
        code = None if child is None else child.returncode
        words = "its process is gone" if code is None else exit_words(code, full_disk(folder))
        return Look(phase="gone", node=submitted.node, reason=words)

    def cancel(self, submitted: Submitted, folder: Path) -> None:
        process = _process(submitted.ticket)
        if process is not None:
            process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Processes go on; those that have said how they ended are waited for until they are gone."""
        end_s = time.monotonic() + LEAVING_S
        for child in self._children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.0, end_s - time.monotonic()))

    def _is_busy(self, node: str) -> bool:
        ticket = self._busy.get(node, "")
        return bool(ticket) and _process(ticket) is not None and not self._has_ended(ticket)

    def _has_ended(self, ticket: str) -> bool:
        child = self._children.get(ticket)
        return child is not None and child.poll() is not None


def _variables(node: Node) -> Mapping[str, str]:
    return {**os.environ, NODE: node.name, **dict(node.variables)}


def _began(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return "0"


def _process(ticket: str) -> psutil.Process | None:
    """The process of a ticket, where it is still that one and no zombie."""
    pid, _, began = ticket.partition("@")
    try:
        process = psutil.Process(int(pid))
        is_there = process.status() != psutil.STATUS_ZOMBIE and f"{process.create_time():.2f}" == began
        return process if is_there else None
    except (psutil.Error, ValueError):
        return None
