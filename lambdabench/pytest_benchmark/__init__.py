"""What speaks with pytest-benchmark: its results as rows, the files that it saves, and two of these beside each other."""
