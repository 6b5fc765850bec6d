"""lambdabench: speed and accuracy of vision backbones, measured so that the numbers can be trusted."""

__version__ = "0.1.0"
