"""The lambda layer in torch, in plain operators: position lambdas are one convolution of the values, shared over their depth."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from ...core.errors import LambdabenchError
from .spec import OPTIONS


class _ContiguousGradient(torch.autograd.Function):
    """Identity whose gradient is contiguous.

    BatchNorm2d on a CPU (torch 2.15) returns wrong input gradients, silently, where batch, height or width is 1 and the output's
    gradient has permuted strides.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0].contiguous()


class LambdaLayer(nn.Module):
    """Multi-query lambda layer with relative position embeddings (arXiv 2102.08602, equation 5; Fig. 3 and its appendix listings)."""

    def __init__(
        self, dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: int | str
    ) -> None:
        super().__init__()
        settings = OPTIONS | options
        self.heads, self.key_depth, self.intra_depth = (
            int(settings[key]) for key in ("heads", "key_depth", "intra_depth")
        )
        if dim_out % self.heads:
            raise LambdabenchError(f"dim_out {dim_out} does not divide into {self.heads} heads; choose heads that do")
        self.value_depth = dim_out // self.heads
        self.scope = _scope(settings["scope"], size)
        self.global_size = size if settings["scope"] == "global" else None
        k, u, v = self.key_depth, self.intra_depth, self.value_depth
        self.to_queries = nn.Conv2d(dim, self.heads * k, 1, bias=False)
        self.to_keys = nn.Conv2d(dim, k * u, 1, bias=False)
        self.to_values = nn.Conv2d(dim, v * u, 1, bias=False)
        self.norm_queries = nn.BatchNorm2d(self.heads * k)
        self.norm_values = nn.BatchNorm2d(v * u)
        self.embeddings = nn.Parameter(torch.empty(k, u, self.scope, self.scope))
        self.pool = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else nn.Identity()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The paper's initialisation: keys and values N(0, d^-1/2), queries N(0, (kd)^-1/2), embeddings N(0, 1)."""
        dim = self.to_keys.in_channels
        nn.init.normal_(self.to_queries.weight, std=1 / math.sqrt(self.key_depth * dim))
        nn.init.normal_(self.to_keys.weight, std=1 / math.sqrt(dim))
        nn.init.normal_(self.to_values.weight, std=1 / math.sqrt(dim))
        nn.init.normal_(self.embeddings)

    def forward(self, x: Float[Tensor, "b d height width"]) -> Float[Tensor, "b dim_out height_out width_out"]:
        """The layer runs at the input's resolution; a stride is a 3x3 average pooling behind it, as the paper has it."""
        b, _, height, width = x.shape
        if self.global_size not in (None, (height, width)):
            raise LambdabenchError(f"scope=global was made for {self.global_size}, found {(height, width)}")
        h, k, u, v = self.heads, self.key_depth, self.intra_depth, self.value_depth
        queries = _ContiguousGradient.apply(self.norm_queries(self.to_queries(x))).reshape(b, h, k, height * width)
        keys = self.to_keys(x).reshape(b, k, u, height * width).softmax(dim=-1)
        values = _ContiguousGradient.apply(self.norm_values(self.to_values(x))).reshape(b, v, u, height, width)
        content = torch.einsum("bkum,bvum->bkv", keys, values.flatten(3))
        position = self._position_lambdas(values)
        y = torch.einsum("bhkn,bkv->bhvn", queries, content) + torch.einsum("bhkn,bvkn->bhvn", queries, position)
        return self.pool(y.reshape(b, h * v, height, width))

    def _position_lambdas(self, values: Float[Tensor, "b v u height width"]) -> Float[Tensor, "b v k n"]:
        """[b, v, k, n]: one convolution for all depths v; offsets that no two positions of the map have are cut off the embeddings."""
        b, v, u, height, width = values.shape
        reach_y, reach_x = min(self.scope // 2, height - 1), min(self.scope // 2, width - 1)
        centre = self.scope // 2
        window = self.embeddings[:, :, centre - reach_y : centre + reach_y + 1, centre - reach_x : centre + reach_x + 1]
        maps = values.reshape(b * v, u, height, width)
        lambdas = functional.conv2d(maps, window.to(maps.dtype), padding=(reach_y, reach_x))
        return lambdas.reshape(b, v, self.key_depth, height * width)


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: Any) -> LambdaLayer:
    """A LambdaLayer; see `lambdabench.create_layer`."""
    return LambdaLayer(dim, dim_out, stride=stride, size=size, **options)


def _scope(scope: int | str, size: tuple[int, int] | None) -> int:
    if scope == "global":
        if size is None:
            raise LambdabenchError('scope="global" needs size=(height, width) of the layer\'s input')
        return 2 * max(size) - 1
    if not isinstance(scope, int) or scope < 1 or scope % 2 == 0:
        raise LambdabenchError(f'found scope {scope!r}, expected an odd number of positions or "global"')
    return scope
