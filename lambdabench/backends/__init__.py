"""One runtime, one module, named as suites name it. See `core.ports.Backend` for what a module must have."""
