"""EfficientNets (Tan and Le, arXiv 1905.11946) by timm's names: timm's own networks in torch, twins of them in JAX."""
