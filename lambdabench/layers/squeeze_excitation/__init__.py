"""Squeeze and excitation (Hu et al., arXiv 1709.01507): a gate on channels, not a spatial layer."""
