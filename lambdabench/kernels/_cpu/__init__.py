"""The compiled CPU kernel: one C++ source with a C interface, built at first use for the machine it runs on, and kept."""

from .build import kind, library, problem

__all__ = ["kind", "library", "problem"]
