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
FORKSERVER = "LAMBDABENCH_FORKSERVER"
"""The environment variable with the descriptor of the socket that is asked for processes."""
PRELOADED: Mapping[str, tuple[str, ...]] = {
    "torch": ("torch", "timm"),
    "": (),
    "onnx": (),
    "aot_inductor": ("torch",),
    "executorch": (),
}
"""Frameworks that survive a fork, and what is loaded of them before. JAX starts threads at its import."""
PARENT_PIPE = "LAMBDABENCH_PARENT_PIPE"
"""The environment variable that says whether standard input is a pipe which the parent holds open."""
PIPES = "LAMBDABENCH_PIPES"
"""The environment variable with two file descriptors of a side of the gate: what is asked, what is answered."""
TREES = "LAMBDABENCH_TREES"
"""The environment variable with base's and head's folders, where base is meant and an install may point to head."""
OWN = "LAMBDABENCH_OWN"
"""The environment variable with the file that says what a side has to run as its own."""
