"""Vision transformers (Dosovitskiy et al., arXiv 2010.11929; DeiT, arXiv 2012.12877) by timm's names: timm's own networks in
torch, twins of them in JAX.
"""
