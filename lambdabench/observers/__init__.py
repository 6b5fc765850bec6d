"""What is sampled while a visit runs, in the process that runs it: one module each, with the function of `core.ports.Observer`."""
