"""What applying the lambdas of a lambda layer computes, whichever kernel does it: a network has one count."""

from collections.abc import Sequence


def applied_macs(
    queries: Sequence[int],
    values: Sequence[int],
    *,
    content: bool,
    scope: Sequence[int] | None,
) -> int:
    """Multiply-accumulates, as the portable kernels count: the window is cut to the offsets there are, not at the borders.

    `queries` is (b, h, k, height, width), `values` (b, v, u, height, width of the context); `scope` None without position lambdas.
    """
    b, h, k, height, width = queries
    v, u, rows, columns = values[1:]
    product = b * height * width * h * k * v
    total = product if content else 0
    if scope is not None:
        window = 1
        for taps, side, context in zip(scope, (height, width), (rows, columns), strict=True):
            window *= min(taps // 2, side - 1) + min(taps // 2, context - 1) + 1
        total += product + b * height * width * k * u * v * window
    return total
