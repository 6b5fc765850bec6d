"""Numbers in, numbers out: intervals, fronts, and the wide table. No framework, no files."""
