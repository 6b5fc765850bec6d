"""Ways to apply the lambdas of a lambda layer: one file each behind one name, and `reference`, the mathematics they all equal.

A module that has `apply(queries, values, content, embeddings)` is a choice of the layer's option `kernel`.
"""

from ..core import registry

REFERENCES = ("reference", "reference_attention")
"""Modules that say what is right and are no choice."""


def names() -> tuple[str, ...]:
    """What the option `kernel` may be, besides "auto"."""
    return tuple(one for one in registry.names("kernels") if one not in REFERENCES)


def choose(kernel: str) -> str:
    """The implementation that runs for the option `kernel`. Raises UnknownNameError with the nearest."""
    if kernel == "auto":
        return "conv2d"
    if kernel not in names():
        raise registry.unknown("kernel", kernel, ("auto", *names()))
    return kernel
