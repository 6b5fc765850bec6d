"""The 3x3 convolution of a bottleneck (He et al., arXiv 1512.03385), the baseline of the other layers."""
