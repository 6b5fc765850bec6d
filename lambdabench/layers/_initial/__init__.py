"""Initial weights, drawn as the torch twins draw theirs."""
