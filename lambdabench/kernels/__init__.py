"""Implementations of the lambda layer's inner product. `reference` is the mathematics that every faster way is tested against."""
