"""Squeeze and excitation in torch."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from .spec import OPTIONS, refuse_change, squeezed


class SqueezeExcitation(nn.Module):
    """x * sigmoid(W2 relu(W1 mean(x))), arXiv 1709.01507, equations 2 to 4.

    A gate: it follows a convolution (Table 3 of arXiv 2102.08602, channel attention) and stands in for none, since it mixes no positions.
    """

    def __init__(self, dim: int, *, ratio: int) -> None:
        super().__init__()
        width = squeezed(dim, ratio)
        self.squeeze = nn.Conv2d(dim, width, 1)
        self.excite = nn.Conv2d(width, dim, 1)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b d height width"]:
        """A map of any size."""
        gate = self.excite(functional.relu(self.squeeze(x.mean((2, 3), keepdim=True))))
        return x * gate.sigmoid()


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: Any) -> SqueezeExcitation:
    """A SqueezeExcitation; see `lambdabench.create_layer`. Raises OptionError for other widths out than in, and for strides."""
    refuse_change(dim, dim_out, stride)
    settings: dict[str, Any] = OPTIONS | options
    return SqueezeExcitation(dim, **settings)
