"""EfficientNets (Tan and Le, arXiv 1905.11946) and the MobileNet-v2 that they grew from (Sandler et al., arXiv 1801.04381), by
timm's names: timm's own networks in torch, twins of them in JAX.
"""
