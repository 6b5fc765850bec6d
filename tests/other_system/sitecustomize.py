"""On PYTHONPATH: the package finds nothing that Windows lacks: no fork, no `resource`, no /proc. What other packages need at their
import is loaded before it is hidden."""

import builtins
import io
import os
import platform
import signal
import socket
import subprocess  # noqa: F401 (what follows would hide what it is made of)

import psutil  # noqa: F401

MODULES = ("resource", "fcntl")
MISSING = {
    os: ("fork", "killpg", "setsid", "sched_getaffinity", "sched_setaffinity", "sysconf", "getloadavg", "O_NOFOLLOW"),
    signal: ("SIGKILL", "SIGHUP"),
    socket: ("recv_fds", "send_fds"),
}
FOLDERS = ("/proc", "/sys")
_import = builtins.__import__


def _import_without(name, globals=None, locals=None, fromlist=(), level=0):
    if name in MODULES and str((globals or {}).get("__name__")).startswith("lambdabench"):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return _import(name, globals, locals, fromlist, level)


def _hiding(function):
    def hidden(path, *arguments, **keywords):
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(FOLDERS):
            raise FileNotFoundError(2, "No such file or directory", os.fspath(path))
        return function(path, *arguments, **keywords)

    return hidden


builtins.__import__ = _import_without
for module, names in MISSING.items():
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
io.open, os.stat, os.listdir, os.scandir = map(_hiding, (io.open, os.stat, os.listdir, os.scandir))
platform.system = lambda: "Windows"
