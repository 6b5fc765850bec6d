"""The vocabulary both programs speak: types, errors, units, identity, registry. Standard library only."""
