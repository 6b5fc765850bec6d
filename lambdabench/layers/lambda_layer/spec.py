"""Options, parameters and operations of the lambda layer, without a framework. Symbols as in arXiv 2102.08602, section 3."""

import math
from collections.abc import Sequence
from typing import Any

from ...core import registry
from ...core.errors import OptionError
from ...core.flags import whole

OPTIONS: dict[str, int | str | bool] = {
    "heads": 4,
    "key_depth": 16,
    "intra_depth": 1,
    "scope": 23,
    "normalize": "softmax",
    "content": True,
    "position": True,
    "kernel": "auto",
}
"""The paper's defaults (sections 3.2 and 4). They are the identity defaults too: never edited, only added to."""
NORMALIZE = ("softmax", "softmax_queries", "l2", "none", "no_batch_norm")
"""Table 12 of the paper, in its order but for the default: softmax of keys over the context; of queries over the key depth as well;
keys of unit length over the context; keys as they are; softmax, but no batch norm of queries and values."""
Size = tuple[int, int]


def parameters(dim: int, dim_out: int, *, size: Size | None, stride: int = 1, **options: Any) -> int:
    """d(hk + ku + vu) + 2hk + 2vu + r^2 k u: projections, batch norms of queries and values, embeddings; v = dim_out / heads."""
    h, k, u, v = _depths(dim_out, options)
    settings = OPTIONS | options
    projections = dim * (h * k + v * u + (k * u if settings["content"] else 0))
    norms = 0 if settings["normalize"] == "no_batch_norm" else 2 * h * k + 2 * v * u
    r_y, r_x = table_size(settings["scope"], size)
    return projections + norms + (r_y * r_x * k * u if settings["position"] else 0)


def macs(dim: int, dim_out: int, *, size: Size, stride: int = 1, **options: Any) -> int:
    """Multiply-accumulates of one image of `size` (height, width) as the paper counts them: a query's context is min(r^2, n) positions.

    This rule gives every printed figure of Tables 10 and 11 of the paper; what an implementation executes is `executed_macs`.
    """
    scope = (OPTIONS | options)["scope"]
    n = size[0] * size[1]
    return _macs(dim, dim_out, n, n if scope == "global" else min(int(scope) ** 2, n), options)


def executed_macs(dim: int, dim_out: int, *, size: Size, stride: int = 1, **options: Any) -> int:
    """What the chosen kernel executes: a convolution multiplies its whole window (cut to the offsets there are), einsum the whole map."""
    scope, n = (OPTIONS | options)["scope"], size[0] * size[1]
    r_y, r_x = table_size(scope, size)
    window = min(r_y, 2 * size[0] - 1) * min(r_x, 2 * size[1] - 1)
    return _macs(dim, dim_out, n, n if options.get("kernel") == "einsum" else window, options)


TRANSFORM_RATE = 0.65
"""Share of a matrix product's FLOP/s that a transform is taken to have at most: many of its steps add alone, where a unit of the
processor multiplies and adds at once."""


def fewest_macs(dim: int, dim_out: int, *, size: Size, stride: int = 1, **options: Any) -> float:
    """One image by whatever formulation of the position term needs fewest, whichever runs: what speed is measured by.

    Queries first (sum of taps cut at the borders, t h (k + v) u), lambdas first (t k v u + n h k v), or transforms: of values and of
    pairs of lambdas on a map padded by half the scope, 5 N log2 N FLOP each, and their products. An operation of a transform counts
    1 / `TRANSFORM_RATE`.
    """
    h, k, u, v = _depths(dim_out, options)
    settings = OPTIONS | options
    n = size[0] * size[1]
    fixed = _macs(dim, dim_out, n, 0, options)
    if not settings["position"]:
        return fixed
    fixed -= n * h * k * v
    scope = table_size(settings["scope"], size)
    taps = math.prod(
        sum(min(at + most // 2, side - 1) - max(at - most // 2, 0) + 1 for at in range(side))
        for side, most in zip(size, scope, strict=True)
    )
    padded = math.prod(side + min(most // 2, side - 1) for side, most in zip(size, scope, strict=True))
    transforms = v * u * ((k / 2 + 1) * 2.5 * padded * math.log2(max(padded, 2)) + 1.5 * k * padded)
    after = n * h * k * v
    return fixed + min(taps * h * (k + v) * u, taps * k * v * u + after, transforms / TRANSFORM_RATE + after)


def activation_bytes(dim: int, dim_out: int, *, size: Size, stride: int = 1, itemsize: int = 4, **options: Any) -> int:
    """Bytes that convolutions and matrix products write for one image: projections, lambdas (k times v a position), both terms."""
    h, k, u, v = _depths(dim_out, options)
    settings = OPTIONS | options
    n = size[0] * size[1]
    elements = n * (h * k + v * u)
    if settings["content"]:
        elements += n * k * u + k * v + n * h * v
    if settings["position"]:
        elements += n * k * v + n * h * v
    return itemsize * elements


def interaction_elements(
    dim: int, dim_out: int, *, size: Size, batch_size: int = 1, stride: int = 1, **options: Any
) -> int:
    """Elements of the position embeddings as Table 4 of the paper counts them, whatever the batch: k n^2, or k n r^2 for a convolution.

    The paper's layers are einsums; only kernel="conv2d" says otherwise.
    """
    settings = OPTIONS | options
    n = size[0] * size[1]
    scope = settings["scope"]
    context = min(int(str(scope)) ** 2, n) if settings["kernel"] == "conv2d" and scope != "global" else n
    return int(settings["key_depth"]) * int(settings["intra_depth"]) * n * context if settings["position"] else 0


def table_size(scope: Any, size: Size | None) -> Size:
    """(rows, columns) of the table of relative offsets. Global scope on a map of (height, width) has 2 height - 1 by 2 width - 1."""
    if scope == "global":
        assert size is not None
        return 2 * size[0] - 1, 2 * size[1] - 1
    return int(scope), int(scope)


def counts(settings: dict[str, Any]) -> tuple[int, int, int]:
    """Heads, key depth and intra-depth, when all options are of their kind. Raises OptionError."""
    for key in ("content", "position"):
        if not isinstance(settings[key], bool):
            raise OptionError(f"found {key} {settings[key]!r}, expected True or False")
    h, k, u = (whole(key, settings[key]) for key in ("heads", "key_depth", "intra_depth"))
    return h, k, u


def checked_choice(option: str, item: Any, known: tuple[str, ...]) -> str:
    """The value of an option that has a list. Raises UnknownNameError with the nearest."""
    if item not in known:
        raise registry.unknown(option, str(item), known)
    return item


def odd(scope: int | str | bool) -> int:
    """A scope in positions. Raises OptionError for an even one."""
    if isinstance(scope, bool) or not isinstance(scope, int) or scope < 1 or scope % 2 == 0:
        raise OptionError(f'found scope {scope!r}, expected an odd number of positions or "global"')
    return scope


def greatest(size: Size | None, context_size: Size | None) -> Size:
    """The map that a global table is made for. Raises OptionError where none is said."""
    if size is None:
        raise OptionError('scope="global" needs size=(height, width) of the layer\'s input')
    other = context_size or size
    return max(size[0], other[0]), max(size[1], other[1])


def refuse_larger(made: Size | None, size: Sequence[int], context_size: Sequence[int]) -> None:
    """A global table holds the offsets of the size it was made for; a smaller map uses some of them. Raises OptionError."""
    sizes = (tuple(size), tuple(context_size))
    if made and any(side > most for size in sizes for side, most in zip(size, made, strict=True)):
        numbers = sizes[0] if sizes[0] == sizes[1] else sizes
        raise OptionError(
            f"scope=global was made for maps up to {made}, found {numbers}; make the layer with size= of the largest map, "
            f"or with a scope in positions"
        )


def _depths(dim_out: int, options: dict[str, Any]) -> tuple[int, int, int, int]:
    """(h, k, u, v)."""
    settings = OPTIONS | options
    h, k, u = (int(settings[key]) for key in ("heads", "key_depth", "intra_depth"))
    return h, k, u, dim_out // h


def _macs(dim: int, dim_out: int, n: int, context: int, options: dict[str, Any]) -> int:
    h, k, u, v = _depths(dim_out, options)
    settings = OPTIONS | options
    total = n * dim * (h * k + v * u)
    if settings["content"]:
        total += n * dim * k * u + n * k * v * u + n * h * k * v
    if settings["position"]:
        total += n * context * k * v * u + n * h * k * v
    return total
