"""Heads, without a framework."""

from ...core.errors import LambdabenchError


def depth_of_heads(dim_out: int, heads: int) -> int:
    """Depth of a head's queries, keys and values, dim_out / heads. Raises LambdabenchError where that is no whole number."""
    if heads < 1 or dim_out % heads:
        raise LambdabenchError(f"dim_out {dim_out} does not divide into {heads} heads; choose heads that do")
    return dim_out // heads
