"""The lambda layer (Bello, "LambdaNetworks: modeling long-range interactions without attention", arXiv 2102.08602)."""
