"""The compiled CPU kernel: one C++ source with a C interface, built at first use for the machine it runs on, and kept."""

from .build import compiler, kind, library, notices, problem

__all__ = ["compiler", "kind", "library", "notices", "problem"]
