"""What a process of the worker program and whoever starts it agree on."""

from collections.abc import Mapping

SOCKET = "LAMBDABENCH_SOCKET"
"""The environment variable with the descriptor of a connected socket, over which open cases are asked for."""
READY = {"ready": True}
"""The first line of a process that was started by itself: what it imports before is not the time of the case it is asked for."""
PAIR = "pair"
"""The key of a line that asks for what the gate compares; other lines are a run's."""
SCRATCH = "LAMBDABENCH_SCRATCH"
"""The environment variable with the folder that a process may write to, of what does not outlive it however it ends."""
PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"
"""JAX otherwise takes three quarters of a GPU at its first operation (JAX, "GPU memory allocation"), where torch's cases are open
beside; never, so that a number does not depend on what else was asked for."""
CRADLE = "LAMBDABENCH_CRADLE"
"""The environment variable with the descriptor of the socket that is asked for processes."""
PRELOADED: Mapping[str, tuple[str, ...]] = {"torch": ("torch", "timm"), "": ()}
"""Frameworks that survive a fork, and what is loaded of them before. JAX starts threads at its import."""
