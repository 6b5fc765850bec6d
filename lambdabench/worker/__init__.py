"""The second program: jobs in, one outcome file per job out. It alone joins a backend with a model."""
