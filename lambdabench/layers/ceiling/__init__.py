"""What a machine can do at most, measured as layers are: a matrix product, and a copy."""
