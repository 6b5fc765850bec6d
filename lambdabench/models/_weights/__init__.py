"""Weights of a network as NumPy arrays under torch's names, whichever framework it is in."""
