"""What `kernels/triton.py` launches: lambdas in registers, forward and backward, and the tables they are made with."""
