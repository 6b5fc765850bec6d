"""What `xla_pallas` is made of: how maps lie in the lanes of a TPU, and the kernels of both directions."""
