"""Why is one side slower? What each framework's own profiler says of a few calls; one framework, one module."""
