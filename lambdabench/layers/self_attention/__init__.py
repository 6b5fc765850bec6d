"""Global relative self-attention (Bello et al., arXiv 1904.09925; as in BoTNet, Srinivas et al., arXiv 2101.11605)."""
