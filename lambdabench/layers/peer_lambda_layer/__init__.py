"""The lambda layers of other libraries, as they are: what the kernels here are compared with."""
