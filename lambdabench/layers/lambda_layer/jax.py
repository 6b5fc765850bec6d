"""The lambda layer in JAX, twin of `torch.py`; maps are channels last, weights have the same names."""

import math
from collections.abc import Callable
from typing import Any

import jax
from flax import nnx
from jax import numpy as jnp
from jaxtyping import Array, Bool, Float

from ... import kernels
from ...core import registry
from ...core.errors import OptionError
from ...kernels import _xla_target, xla_cpu, xla_einsum
from .._initial.jax import normal
from .spec import NORMALIZE, OPTIONS, checked_choice, counts, greatest, odd, refuse_larger, table_size


class LambdaLayer(nnx.Module):
    """Multi-query lambda layer with relative position embeddings (arXiv 2102.08602, equation 5; Fig. 3 and its appendix listings).

    `embeddings` is another layer's table where a stage shares one. `dim_context` and `context_size` are those of a context other
    than the input. `kernel` is the one that runs on a map of `size`; a map of another size chooses anew.
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
        embeddings: nnx.Param[Array] | None = None,
        dtype: Any = None,
        param_dtype: Any = jnp.float32,
        rngs: nnx.Rngs,
        **options: int | str | bool,
    ) -> None:
        settings = OPTIONS | options
        h, k, u = counts(settings)
        if dim_out % h:
            raise OptionError(f"dim_out {dim_out} does not divide into {h} heads; choose heads that do")
        v = dim_out // h
        self.heads, self.key_depth, self.intra_depth, self.value_depth, self.stride = h, k, u, v, stride
        self.normalize = checked_choice("normalize", settings["normalize"], NORMALIZE)
        self.content, self.position = bool(settings["content"]), bool(settings["position"])
        if not (self.content or self.position):
            raise OptionError("found content=False and position=False, expected at least one of the two lambdas")
        dtypes = {"dtype": dtype, "param_dtype": param_dtype}
        self.global_size = greatest(size, context_size) if settings["scope"] == "global" and self.position else None
        scope = settings["scope"] if settings["scope"] == "global" else odd(settings["scope"])
        self.scope = table_size(scope, self.global_size) if self.position else (1, 1)
        self._asked = str(settings["kernel"])
        self.kernel = self.kernel_on(size, context_size or size) if size else self._asked
        dim_context = dim_context or dim
        self.to_queries = _projection(dim, h * k, 1 / math.sqrt(k * dim), dtypes, rngs)
        std = 1 / math.sqrt(dim_context)
        self.to_keys = _projection(dim_context, k * u, std, dtypes, rngs) if self.content else None
        self.to_values = _projection(dim_context, v * u, std, dtypes, rngs)
        plain = self.normalize == "no_batch_norm"
        self.norm_queries = None if plain else nnx.BatchNorm(h * k, momentum=0.9, rngs=rngs, **dtypes)
        self.norm_values = None if plain else nnx.BatchNorm(v * u, momentum=0.9, rngs=rngs, **dtypes)
        if embeddings is None and self.position:
            embeddings = nnx.Param(normal(1.0)(rngs.params(), (k, u, *self.scope), param_dtype))
        self.embeddings = embeddings if self.position else None

    def kernel_on(self, size: tuple[int, ...], context_size: tuple[int, ...] | None) -> str:
        """The kernel that runs on a map of `size`, here."""
        platform = _xla_target.platform()
        alone = self._asked == "auto" and platform == "cpu" and jax.device_count() == 1
        return kernels.choose_xla(
            self._asked,
            size,
            context_size or size,
            self.scope,
            platform,
            compiled=alone and not xla_cpu.problem(),  # XLA cannot divide a foreign function among devices
        )

    def __call__(
        self,
        x: Float[Array, "b height width d"],
        context: Float[Array, "b height_m width_m d_m"] | None = None,
        mask: Bool[Array, "*b n m"] | None = None,
    ) -> Float[Array, "b height_out width_out dim_out"]:
        """The layer runs at the input's resolution; a stride is a 3x3 average pooling behind it, as the paper has it.

        `context` is what lambdas are made from (the input itself by default); `mask` [n, m] or [b, n, m] is true where query n sees
        context position m, positions row by row. A query that sees nothing gives zeros.
        """
        whole = context is None and mask is None and self._is_one_function(x)
        context = x if context is None else context
        refuse_larger(self.global_size, x.shape[1:3], context.shape[1:3])
        if whole:
            return _pooled(self._run_whole(x), self.stride)
        h, k, u, v = self.heads, self.key_depth, self.intra_depth, self.value_depth
        queries = _normed(self.norm_queries, self.to_queries(x)).reshape(*x.shape[:3], h, k)
        if self.normalize == "softmax_queries":
            queries = _in_float32(jax.nn.softmax, queries, axis=4)
        values = _normed(self.norm_values, self.to_values(context)).reshape(*context.shape[:3], v, u)
        table = None if self.embeddings is None else self.embeddings[...]
        if mask is not None:
            y = self._masked(queries, context, values, table, mask)
        else:
            kernel = registry.load("kernels", self.kernel_on(x.shape[1:3], context.shape[1:3]))
            y = kernel.apply(queries, values, self._content_lambdas(context, values), table)
        return _pooled(y.reshape(*x.shape[:3], h * v), self.stride)

    def _is_one_function(self, x: Array) -> bool:
        """Whether the compiled kernel may run all of it: in float32, its batch norms both in inference or both in training."""
        inside, norms = self._parts()
        training = [norm for norm in norms if not norm.use_running_average]
        dtypes = {
            x.dtype,
            *(item.kernel[...].dtype for item in inside),
            *(norm.dtype or x.dtype for norm in (*inside, *norms)),
        }
        return (
            x.ndim == 4
            and all(item.kernel[...].shape[:3] == (1, 1, x.shape[3]) for item in inside)
            and dtypes == {jnp.dtype(jnp.float32)}
            and self.intra_depth == 1
            and self.normalize in ("softmax", "no_batch_norm")
            and (
                not training
                or (x.size > 0 and len(training) == len(norms) and not any(norm.axis_name for norm in norms))
            )
            and self.kernel_on(x.shape[1:3], None) == "xla_cpu"
            and _xla_target.platform() == "cpu"
            and not xla_cpu.problem()
        )

    def _parts(self) -> tuple[list[Any], list[Any]]:
        """Projections and batch norms."""
        inside = [conv for conv in (self.to_queries, self.to_keys, self.to_values) if conv is not None]
        return inside, [batch_norm for batch_norm in (self.norm_queries, self.norm_values) if batch_norm is not None]

    def _run_whole(self, x: Array) -> Float[Array, "b height width dim_out"]:
        """In training the norms' running statistics move, as nnx moves them."""
        inside, norms = self._parts()
        weights = [item.kernel[...][0, 0] for item in inside]
        table = None if self.embeddings is None else self.embeddings[...]
        settings: Any = {"heads": self.heads, "epsilons": [norm.epsilon for norm in norms] or (0.0, 0.0)}
        if not norms or norms[0].use_running_average:
            parts = [[part[...] for part in (norm.scale, norm.bias, norm.mean, norm.var)] for norm in norms]
            return xla_cpu.infer(x, weights, parts, table, **settings)
        y, arrays = xla_cpu.train(x, weights, [(norm.scale[...], norm.bias[...]) for norm in norms], table, **settings)
        for norm, (mean, variance) in zip(norms, arrays, strict=True):
            norm.mean[...] = norm.momentum * norm.mean[...] + (1 - norm.momentum) * mean
            norm.var[...] = norm.momentum * norm.var[...] + (1 - norm.momentum) * variance
        return y

    def _content_lambdas(self, context: Array, values: Array) -> Float[Array, "b k v"] | None:
        if self.to_keys is None:
            return None
        keys = self.to_keys(context).reshape(len(context), -1, self.key_depth, self.intra_depth)
        flat = values.reshape(len(context), -1, *values.shape[3:])
        return xla_einsum.product("bmku,bmvu->bkv", _in_float32(_normalized, keys, how=self.normalize, axis=1), flat)

    def _masked(self, queries: Array, context: Array, values: Array, table: Array | None, mask: Array) -> Array:
        """Keys are normalised over what each query sees."""
        b, *size, h, k = queries.shape
        dense = None if table is None else xla_einsum.expand(table.astype(values.dtype), tuple(size), values.shape[1:3])
        mask = jnp.broadcast_to(mask, (b, *mask.shape[-2:]))
        weights = None
        if self.to_keys is not None:
            keys = self.to_keys(context).reshape(b, 1, -1, self.key_depth, self.intra_depth)
            seen = mask[..., None, None]
            hidden = 0.0 if self.normalize in ("none", "l2") else jnp.finfo(keys.dtype).min
            weights = _in_float32(_normalized, jnp.where(seen, keys, hidden), how=self.normalize, axis=2) * seen
        flat = values.reshape(b, -1, *values.shape[3:])
        return xla_einsum.apply_masked(queries.reshape(b, -1, h, k), weights, flat, dense, mask)


def create(
    dim: int,
    dim_out: int,
    *,
    stride: int,
    size: tuple[int, int] | None,
    rngs: nnx.Rngs | None = None,
    **options: Any,
) -> LambdaLayer:
    """A LambdaLayer; see `lambdabench.create_layer`."""
    return LambdaLayer(dim, dim_out, stride=stride, size=size, rngs=rngs or nnx.Rngs(0), **options)


def _projection(dim: int, dim_out: int, std: float, dtypes: dict[str, Any], rngs: nnx.Rngs) -> nnx.Conv:
    return nnx.Conv(dim, dim_out, (1, 1), use_bias=False, kernel_init=normal(std), rngs=rngs, **dtypes)


def _normed(norm: nnx.BatchNorm | None, x: Array) -> Array:
    return x if norm is None else norm(x)


def _in_float32(function: Callable[..., Array], x: Array, **settings: Any) -> Array:
    """Narrower numbers are widened within a function."""
    return function(x.astype(jnp.promote_types(x.dtype, jnp.float32)), **settings).astype(x.dtype)


def _normalized(keys: Array, *, how: str, axis: int) -> Array:
    """Keys over the context positions of an axis (Table 12)."""
    if how == "none":
        return keys
    if how == "l2":
        square = jnp.square(keys).sum(axis, keepdims=True)
        # the square root has no gradient at zero
        return jnp.where(square > 0, keys / jnp.maximum(jnp.sqrt(jnp.where(square > 0, square, 1.0)), 1e-12), 0.0)
    return jax.nn.softmax(keys, axis=axis)


def _pooled(y: Array, stride: int) -> Array:
    """3x3 average pooling that does not count its padding."""
    if stride == 1:
        return y
    padding: Any = ((1, 1), (1, 1))
    return nnx.avg_pool(y, (3, 3), (stride, stride), padding=padding, count_include_pad=False)
