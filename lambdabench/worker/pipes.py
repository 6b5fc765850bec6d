"""Names that the gate and a side's process share; neither pytest nor a framework is needed to know them."""

PIPES = "LAMBDABENCH_PIPES"
"""The environment variable with two file descriptors: what is asked, what is answered."""
TREES = "LAMBDABENCH_TREES"
"""The environment variable with base's and head's folders, where base is meant and an install may point to head."""
OWN = "LAMBDABENCH_OWN"
"""The environment variable with the file that says what a side has to run as its own."""
