"""Ways to apply the lambdas of a lambda layer: one file each behind one name, and `reference`, the mathematics they all equal.

`grid_attention` is what the attention baselines run. Any other module has `apply(queries, values, content, embeddings)` and is a
choice of the layer's option `kernel`.
"""

from ..core import registry

APART = ("grid_attention", "reference", "reference_attention")
"""Modules that are no way to apply lambdas."""


def names() -> tuple[str, ...]:
    """What the option `kernel` may be, besides "auto"."""
    return tuple(one for one in registry.names("kernels") if one not in APART)


def choose(kernel: str) -> str:
    """The implementation that runs for the option `kernel`. Raises UnknownNameError with the nearest."""
    if kernel == "auto":
        return "conv2d"
    if kernel not in names():
        raise registry.unknown("kernel", kernel, ("auto", *names()))
    return kernel
