"""`python -m lambdabench.worker serve` with a socket: open cases, visited as they are asked for, until the other side goes. A run's
cases are held open one by one, the gate's as pairs of two versions.

A process that was started by itself says first that it is ready.
One line of JSON asks, one answers. Standard output and error are the networks' own.
"""

import json
import os
import socket

from ..core import codec
from ..core.gate_protocol import PairAsked
from ..core.visit_protocol import Asked
from ..core.worker_protocol import PAIR, READY, SOCKET
from ..models import create_workload
from . import environment
from .open_cases import OpenCases
from .version_pairs import Pairs


def serve(connection: socket.socket) -> None:
    """Answers until the other side closes."""
    cases, pairs = OpenCases(create_workload), Pairs()
    with connection.makefile("rb") as lines:
        for line in lines:
            message = json.loads(line)
            if PAIR in message:
                answered = pairs.answer(codec.decode(PairAsked, message[PAIR]))
            else:
                answered = cases.answer(codec.decode(Asked, message))
            connection.sendall(json.dumps(codec.encode(answered)).encode() + b"\n")


def main() -> None:
    """Serves the socket that the environment names, and says first that all is loaded for it."""
    connection = socket.socket(fileno=int(os.environ[SOCKET]))
    environment.began()
    connection.sendall(json.dumps(READY).encode() + b"\n")
    serve(connection)
