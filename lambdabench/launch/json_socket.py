"""Lines of JSON over a socket, with a limit of time: what a process answers, or that it has gone."""

import json
import selectors
import socket
import time
from collections.abc import Callable
from typing import Any

POLL_S = 0.1
CHUNK_BYTES = 2**16


class Gone(Exception):
    """The other side has closed, which for a process is its end."""


class Late(Exception):
    """No answer came in time."""


class Wire:
    """One side of a socket. Requests are small, answers of any size; one is read to its end before the next is asked."""

    def __init__(self, own: socket.socket) -> None:
        self._socket = own
        self._unread = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(own, selectors.EVENT_READ)

    def ask(self, message: Any, descriptors: tuple[int, ...] = ()) -> None:
        """Sends one line. Raises Gone."""
        line = json.dumps(message).encode() + b"\n"
        try:
            if descriptors:
                socket.send_fds(self._socket, [line], list(descriptors))
            else:
                self._socket.sendall(line)
        except OSError as error:
            raise Gone from error

    def hear(self, limit_s: float, on_wait: Callable[[], object] = lambda: None) -> Any:
        """The next line. `on_wait` is called about ten times a second, and may raise. Raises Late, Gone."""
        end_s = time.monotonic() + limit_s
        while b"\n" not in self._unread:
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                raise Late
            if not self._selector.select(min(POLL_S, left_s)):
                on_wait()
                continue
            self._unread += self._read()
        line, _, self._unread = self._unread.partition(b"\n")
        return json.loads(line)

    def close(self) -> None:
        """Lets the other side go."""
        self._selector.close()
        self._socket.close()

    def _read(self) -> bytes:
        try:
            data = self._socket.recv(CHUNK_BYTES)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        return data
