"""The 3x3 convolution in torch."""

from torch import nn


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None) -> nn.Conv2d:
    """A convolution that strides itself, without bias; weights as He et al. (arXiv 1502.01852), for the outputs' count."""
    conv = nn.Conv2d(dim, dim_out, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv
