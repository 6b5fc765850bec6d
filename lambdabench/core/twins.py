"""The names of a network's weights in torch and in JAX: one rule both ways, so that weights move without either framework.

A torch state dict says `c2.0.conv1.weight`, its nnx twin `c2.0.conv1.kernel`: modules have the same names, leaves do not.
"""

from collections.abc import Collection, Iterable, Mapping

Axes = tuple[int, ...]

KERNELS: Mapping[int, Axes] = {2: (1, 0), 4: (2, 3, 1, 0)}
"""Axes of a `weight` by their number: [out, in] to [in, out]; [out, in, height, width] to [height, width, in, out]."""
DROPPED = "num_batches_tracked"
"""What torch's batch norm counts and nnx's does not."""
RENAMED = {"running_mean": "mean", "running_var": "var"}
KEPT = {new: old for old, new in RENAMED.items()}
NNX = frozenset({"kernel", "scale", *KEPT})
TORCH = frozenset({"weight", DROPPED, *RENAMED})
SEQUENTIAL = "layers"
"""A part of nnx paths that torch's have not: the list inside nnx.Sequential."""


def to_jax(name: str, axes: int) -> tuple[str, Axes | None] | None:
    """(nnx name, permutation of the axes or None) of a torch tensor with so many axes; None for what is dropped."""
    place, leaf = _split(name)
    if leaf == DROPPED:
        return None
    if leaf == "weight":
        order = KERNELS.get(axes)
        return place + ("scale" if order is None else "kernel"), order
    return place + RENAMED.get(leaf, leaf), None


def to_torch(name: str, axes: int) -> tuple[str, Axes | None]:
    """(torch name, permutation of the axes or None) of an nnx variable; the inverse of `to_jax`."""
    place, leaf = _split(name)
    if leaf == "scale":
        return place + "weight", None
    if leaf == "kernel":
        return place + "weight", inverse(KERNELS[axes])
    return place + KEPT.get(leaf, leaf), None


def inverse(order: Axes | None) -> Axes | None:
    """The permutation that undoes one."""
    return None if order is None else tuple(order.index(axis) for axis in range(len(order)))


def are_jax(names: Iterable[str]) -> bool:
    """Whether more of the names end as nnx's do than as torch's. A network of torch's may call a tensor `scale`."""
    leaves = [_split(name)[1] for name in names]
    return sum((leaf in NNX) - (leaf in TORCH) for leaf in leaves) > 0


def without_lists(name: str, known: Collection[str]) -> str:
    """An nnx name as `to_jax` makes it: the list of nnx.Sequential left out, where the name is not known with it."""
    bare = ".".join(part for part in name.split(".") if part != SEQUENTIAL)
    return bare if name not in known and bare in known else name


def _split(name: str) -> tuple[str, str]:
    """(Everything up to and with the last dot, the rest)."""
    place, dot, leaf = name.rpartition(".")
    return place + dot, leaf
