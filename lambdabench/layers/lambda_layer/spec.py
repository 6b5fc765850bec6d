"""Options, parameters and operations of the lambda layer, without a framework. Symbols as in arXiv 2102.08602, section 3."""

OPTIONS: dict[str, int | str] = {"heads": 4, "key_depth": 16, "intra_depth": 1, "scope": 23}
"""The paper's defaults (sections 3.2 and 4). They are the identity defaults too: never edited, only added to."""


def parameters(dim: int, dim_out: int, *, heads: int, key_depth: int, intra_depth: int, scope: int) -> int:
    """d(hk + ku + vu) + 2hk + 2vu + r^2 k u: projections, batch norms of queries and values, embeddings; v = dim_out / heads."""
    h, k, u, v = heads, key_depth, intra_depth, dim_out // heads
    return dim * (h * k + k * u + v * u) + 2 * h * k + 2 * v * u + scope * scope * k * u


def macs(
    dim: int, dim_out: int, size: tuple[int, int], *, heads: int, key_depth: int, intra_depth: int, scope: int
) -> int:
    """Multiply-accumulates of one image of `size` (height, width); the context of a query is min(r^2, n) positions.

    This rule gives every printed figure of Tables 10 and 11 of the paper.
    """
    h, k, u, v = heads, key_depth, intra_depth, dim_out // heads
    n = size[0] * size[1]
    projections = dim * (h * k + k * u + v * u)
    return n * (projections + k * v * u + h * k * v + min(scope * scope, n) * k * v * u + h * k * v)
