"""Instructions of one call, where the kernel lets a process count its own: few virtual machines do."""

import ctypes
import os
import platform
import struct
from collections.abc import Callable
from typing import Any

NUMBERS = {"x86_64": 298, "aarch64": 241}
"""Of the system call perf_event_open (Linux, tables of system calls)."""
ATTRIBUTE_BYTES = 112
EXCLUDE_KERNEL_AND_HYPERVISOR = 1 << 5 | 1 << 6
"""Bits of perf_event_attr (linux/perf_event.h): what lets an ordinary user count."""
INSTRUCTIONS = 1
"""PERF_COUNT_HW_INSTRUCTIONS of PERF_TYPE_HARDWARE (0)."""


def count(call: Callable[[], Any], calls: int = 5) -> float | None:
    """Instructions of a call by this thread, the mean of several; None where there is no counter."""
    descriptor = _open()
    if descriptor is None:
        return None
    try:
        before = _read(descriptor)
        for _ in range(calls):
            call()
        return (_read(descriptor) - before) / calls or None
    finally:
        os.close(descriptor)


def _open() -> int | None:
    number = NUMBERS.get(platform.machine())
    if number is None or platform.system() != "Linux":
        return None
    # type, size, config, three unused words, then the word of flags
    attribute = struct.pack("=IIQQQQQ", 0, ATTRIBUTE_BYTES, INSTRUCTIONS, 0, 0, 0, EXCLUDE_KERNEL_AND_HYPERVISOR)
    buffer = ctypes.create_string_buffer(attribute.ljust(ATTRIBUTE_BYTES, b"\0"), ATTRIBUTE_BYTES)
    item = ctypes.CDLL(None, use_errno=True).syscall(number, buffer, 0, -1, -1, 0)
    return item if item >= 0 else None


def _read(descriptor: int) -> int:
    return struct.unpack("=Q", os.read(descriptor, 8))[0]
