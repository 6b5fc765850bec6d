"""The lambda layer in torch, with every option the paper measures; `kernels` say how the lambdas are applied."""

import math
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from ... import kernels
from ...core import registry
from ...core.errors import OptionError
from ...kernels import einsum
from ...kernels._cpu import inference, training, whole
from .spec import NORMALIZE, OPTIONS, checked_choice, counts, greatest, odd, refuse_larger, table_size


class _ContiguousGradient(torch.autograd.Function):
    """Identity whose gradient is contiguous on a CPU.

    BatchNorm2d there (torch 2.15) returns wrong input gradients, silently, where batch, height or width is 1 and the output's
    gradient has permuted strides.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        gradient = gradients[0]
        return gradient.contiguous() if gradient.device.type == "cpu" else gradient


class LambdaLayer(nn.Module):
    """Multi-query lambda layer with relative position embeddings (arXiv 2102.08602, equation 5; Fig. 3 and its appendix listings).

    `embeddings` is another layer's table where a stage shares one. `dim_context` and `context_size` are those of a context other
    than the input; query and context positions count from the same corner.
    """

    def __init__(
        self,
        dim: int,
        dim_out: int,
        *,
        stride: int = 1,
        size: tuple[int, int] | None = None,
        dim_context: int | None = None,
        context_size: tuple[int, int] | None = None,
        embeddings: nn.Parameter | None = None,
        **options: int | str | bool,
    ) -> None:
        super().__init__()
        settings = OPTIONS | options
        self.heads, self.key_depth, self.intra_depth = counts(settings)
        if dim_out % self.heads:
            raise OptionError(f"dim_out {dim_out} does not divide into {self.heads} heads; choose heads that do")
        self.value_depth = dim_out // self.heads
        self.normalize = checked_choice("normalize", settings["normalize"], NORMALIZE)
        self.content, self.position = bool(settings["content"]), bool(settings["position"])
        if not (self.content or self.position):
            raise OptionError("found content=False and position=False, expected at least one of the two lambdas")
        self._is_auto = settings["kernel"] == "auto"
        self._chosen = kernels.choose(str(settings["kernel"]))
        self._apply_lambdas = registry.load("kernels", self._chosen).apply
        self._sides = _sides(settings["scope"], size)
        self.global_size = greatest(size, context_size) if settings["scope"] == "global" and self.position else None
        k, u, v = self.key_depth, self.intra_depth, self.value_depth
        dim_context = dim_context or dim
        self.to_queries = nn.Conv2d(dim, self.heads * k, 1, bias=False)
        self.to_keys = nn.Conv2d(dim_context, k * u, 1, bias=False) if self.content else None
        self.to_values = nn.Conv2d(dim_context, v * u, 1, bias=False)
        plain = self.normalize == "no_batch_norm"
        self.norm_queries = nn.Identity() if plain else nn.BatchNorm2d(self.heads * k)
        self.norm_values = nn.Identity() if plain else nn.BatchNorm2d(v * u)
        if embeddings is None and self.position:
            scope = settings["scope"] if self.global_size else odd(settings["scope"])
            embeddings = nn.Parameter(torch.empty(k, u, *table_size(scope, self.global_size)))
            nn.init.normal_(embeddings)
        self.embeddings = embeddings if self.position else None
        self.pool = nn.AvgPool2d(3, stride, padding=1, count_include_pad=False) if stride > 1 else nn.Identity()
        folds = self.normalize in ("softmax", "no_batch_norm")
        self._is_one_operator = self._chosen == "cpu" and self.intra_depth == 1 and folds
        self._watch = whole.Watch()
        self._draw_projections()
        self._choose_where_it_is()

    @property
    def kernel(self) -> str:
        """What runs where the weights are now."""
        runs = getattr(registry.load("kernels", self._chosen), "runs", None)
        return self._chosen if runs is None or runs(self.to_values.weight, self.intra_depth) else "conv2d"

    def _apply(self, fn: Any, recurse: bool = True) -> "LambdaLayer":
        """What moves or casts a module: `auto` looks where it is now."""
        moved = super()._apply(fn, recurse)
        self._choose_where_it_is()
        return moved

    def _choose_where_it_is(self) -> None:
        """Off the CPU, `auto` is what was measured to be the quickest on such a device."""
        if self._is_auto:
            device = self.to_values.weight.device
            is_cpu = device.type == "cpu"
            self._chosen = kernels.choose("auto") if is_cpu else kernels.choose_on(_kind_of(device), *self._sides)
            self._apply_lambdas = registry.load("kernels", self._chosen).apply

    def run_as(self, kernel: str) -> None:
        """Has a kernel by its name apply the lambdas from here on, and nothing run the layer whole."""
        self._is_auto = False
        self._chosen, self._is_one_operator = kernels.choose(kernel), False
        self._apply_lambdas = registry.load("kernels", self._chosen).apply

    def _draw_projections(self) -> None:
        """The paper's initialisation: keys and values N(0, d^-1/2), queries N(0, (kd)^-1/2); embeddings are N(0, 1)."""
        nn.init.normal_(self.to_queries.weight, std=1 / math.sqrt(self.key_depth * self.to_queries.in_channels))
        for conv2d in (self.to_keys, self.to_values):
            if conv2d is not None:
                nn.init.normal_(conv2d.weight, std=1 / math.sqrt(conv2d.in_channels))

    def forward(
        self,
        x: Float[Tensor, "b d height width"],
        context: Float[Tensor, "b d_m height_m width_m"] | None = None,
        mask: Bool[Tensor, "*b n m"] | None = None,
    ) -> Float[Tensor, "b dim_out height_out width_out"]:
        """The layer runs at the input's resolution; a stride is a 3x3 average pooling behind it, as the paper has it.

        `context` is what lambdas are made from (the input itself by default); `mask` [n, m] or [b, n, m] is true where query n sees
        context position m, positions row by row. A query that sees nothing gives zeros.
        """
        if context is None and mask is None and (y := self._run_whole(x)) is not None:
            pool = self._modules["pool"]
            return y if type(pool) is nn.Identity and not pool._forward_hooks else self.pool(y)
        context = x if context is None else context
        refuse_larger(self.global_size, x.shape[2:], context.shape[2:])
        b, _, *size = x.shape
        h, k, u, v = self.heads, self.key_depth, self.intra_depth, self.value_depth
        queries = _ContiguousGradient.apply(self.norm_queries(self.to_queries(x))).reshape(b, h, k, *size)
        if self.normalize == "softmax_queries":
            queries = queries.softmax(dim=2)
        values = _ContiguousGradient.apply(self.norm_values(self.to_values(context)))
        values = values.reshape(b, v, u, *context.shape[2:])
        if mask is not None:
            y = self._masked(queries, context, values, mask)
        else:
            y = self._apply_lambdas(queries, values, self._content_lambdas(context, values), self.embeddings)
        return self.pool(y.reshape(b, h * v, *size))

    def _run_whole(self, x: Tensor) -> Float[Tensor, "b dim_out height width"] | None:
        """The layer by the compiled kernel from its input on; None where it may not, or somebody looks inside or has replaced a part."""
        if not self._is_one_operator:
            return None
        parts = self._modules  # asking the layer itself takes ten times as long, and small maps feel it
        inside: list[Any] = [
            module for module in (parts["to_queries"], parts.get("to_keys"), parts["to_values"]) if module is not None
        ]
        norms: tuple[Any, ...] = ()
        if self.normalize != "no_batch_norm":
            norms = (parts["norm_queries"], parts["norm_values"])
        if not whole.may_run(x, self.training, inside, norms, self._watch):
            return None
        if self.global_size is not None:
            refuse_larger(self.global_size, x.shape[2:], x.shape[2:])
        run = training.train if self.training else inference.infer
        weights: list[Any] = [item._parameters["weight"] for item in inside]
        try:
            table = self._parameters["embeddings"]
        except KeyError:  # none, or pruned, or parametrized
            table = self.embeddings
        return run(x, weights, norms, table, heads=self.heads)

    def _content_lambdas(self, context: Tensor, values: Tensor) -> Float[Tensor, "b k v"] | None:
        if self.to_keys is None:
            return None
        keys = self.to_keys(context).flatten(2).unflatten(1, (self.key_depth, self.intra_depth))
        return torch.einsum("bkum,bvum->bkv", _normalized(keys, self.normalize, dim=3), values.flatten(3))

    def _masked(self, queries: Tensor, context: Tensor, values: Tensor, mask: Tensor) -> Float[Tensor, "b h v n"]:
        """Keys are normalised over what each query sees."""
        dense = None if self.embeddings is None else einsum.expand(self.embeddings, queries.shape[3:], values.shape[3:])
        mask = mask.expand(len(queries), *mask.shape[-2:])
        weights = None
        if self.to_keys is not None:
            keys = self.to_keys(context).reshape(len(context), 1, self.key_depth, self.intra_depth, -1).movedim(-1, 2)
            seen = mask[..., None, None]
            hidden = 0.0 if self.normalize in ("none", "l2") else torch.finfo(keys.dtype).min
            weights = _normalized(keys.masked_fill(~seen, hidden), self.normalize, dim=2).masked_fill(~seen, 0.0)
        return einsum.apply_masked(queries.flatten(3), weights, values.flatten(3), dense, mask)


def _sides(scope: Any, size: tuple[int, int] | None) -> tuple[float, float]:
    """(Of the map, of the scope); of a map that nobody knows the paper's largest scope."""
    side = math.sqrt(math.prod(size)) if size else float(OPTIONS["scope"])
    return side, float(scope) if isinstance(scope, int) else side


def _kind_of(device: torch.device) -> str:
    """What torch calls the device, as its times are kept by."""
    library = getattr(torch, device.type, None)
    name = getattr(library, "get_device_name", None)
    return str(name(device)) if name is not None else device.type


def create(dim: int, dim_out: int, *, stride: int, size: tuple[int, int] | None, **options: Any) -> LambdaLayer:
    """A LambdaLayer; see `lambdabench.create_layer`."""
    return LambdaLayer(dim, dim_out, stride=stride, size=size, **options)


def _normalized(keys: Tensor, normalize: str, dim: int) -> Tensor:
    """Keys over the context positions of axis `dim` (Table 12)."""
    if normalize == "none":
        return keys
    if normalize == "l2":
        return functional.normalize(keys, dim=dim)
    return keys.softmax(dim=dim)
