"""Linear attention in torch."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from .._attention.spec import depth_of_heads
from .._attention.torch import pooling, projection
from .spec import OPTIONS


class LinearAttention(nn.Module):
    """softmax_depth(q) (softmax_positions(k)^T v), the product in brackets first; content only.

    arXiv 1812.01243, equations 3 and 4 (softmax normalisation). Their projection behind the heads is left out: a 1x1
    convolution follows in the bottleneck.
    """

    def __init__(self, dim: int, dim_out: int, *, stride: int, heads: int) -> None:
        super().__init__()
        self.heads, self.depth = heads, depth_of_heads(dim_out, heads)
        self.to_queries_keys_values = projection(dim, dim_out)
        self.pool = pooling(stride)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b dim_out height_out width_out"]:
        """A map of any size."""
        b, _, height, width = x.shape
        heads = self.to_queries_keys_values(x).reshape(b * self.heads, 3, self.depth, height * width)
        queries, keys, values = heads.unbind(1)
        context = values @ keys.softmax(2).transpose(1, 2)
        y = context @ queries.softmax(1)
        return self.pool(y.reshape(b, self.heads * self.depth, height, width))


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: Any) -> LinearAttention:
    """A LinearAttention; see `lambdabench.create_layer`. It needs no `size`."""
    settings: dict[str, Any] = OPTIONS | options
    return LinearAttention(dim, dim_out, stride=stride, **settings)
