"""A user's own network as a workload: from a file, a module or an exported program, fed what its author says."""
