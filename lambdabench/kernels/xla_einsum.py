"""The paper's listing in XLA (arXiv 2102.08602, Fig. 3 and appendix): dense embeddings, zero outside the window, and einsum."""

from jax import numpy as jnp
from jaxtyping import Array, Bool, Float


def apply(
    queries: Float[Array, "b y x h k"],
    values: Float[Array, "b j i v u"],
    content: Float[Array, "b k v"] | None,
    embeddings: Float[Array, "k u r_y r_x"] | None,
) -> Float[Array, "b y x h v"]:
    """Queries applied to the content lambdas plus the position lambdas; None leaves one of them out."""
    b, height, width, h, k = queries.shape
    flat = queries.reshape(b, height * width, h, k)
    y = with_content(flat, content)
    if embeddings is not None:
        dense = expand(embeddings.astype(values.dtype), (height, width), values.shape[1:3])
        lambdas = product("nmku,bmvu->bnkv", dense, values.reshape(b, -1, *values.shape[3:]))
        y = y + product("bnhk,bnkv->bnhv", flat, lambdas)
    return y.reshape(b, height, width, h, -1)


def apply_masked(
    queries: Float[Array, "b n h k"],
    keys: Float[Array, "b n m k u"] | None,
    values: Float[Array, "b m v u"],
    embeddings: Float[Array, "n m k u"] | None,
    mask: Bool[Array, "b n m"],
) -> Float[Array, "b n h v"]:
    """Each query has a context of its own, so a content lambda of its own: `keys` are normalised over it (appendix, masked contexts)."""
    lambdas: Array = jnp.zeros((), queries.dtype)
    if keys is not None:
        lambdas = lambdas + product("bnmku,bmvu->bnkv", keys, values)
    if embeddings is not None:
        lambdas = lambdas + product("nmku,bnm,bmvu->bnkv", embeddings, mask.astype(values.dtype), values)
    return product("bnhk,bnkv->bnhv", queries, lambdas)


def with_content(queries: Float[Array, "b n h k"], content: Float[Array, "b k v"] | None) -> Array:
    """The content term [b, n, h, v]; a zero where there is none."""
    return jnp.zeros((), queries.dtype) if content is None else product("bnhk,bkv->bnhv", queries, content)


def expand(
    embeddings: Float[Array, "k u r_y r_x"], size: tuple[int, ...], context_size: tuple[int, ...]
) -> Float[Array, "n m k u"]:
    """e_nm = r_rel(n,m), zero where the offset is outside the window; positions row by row."""
    k, u = embeddings.shape[:2]
    rows = band(embeddings, 2, size[0], context_size[0])
    both = band(rows, 4, size[1], context_size[1])
    return both.transpose(2, 4, 3, 5, 0, 1).reshape(size[0] * size[1], context_size[0] * context_size[1], k, u)


def band(table: Array, axis: int, count: int, context: int) -> Array:
    """An axis of offsets, the centre being 0, as two axes [query, context], zero outside the window."""
    scope = table.shape[axis]
    offset = jnp.arange(context)[None, :] - jnp.arange(count)[:, None] + scope // 2
    seen = (offset >= 0) & (offset < scope)
    taken = jnp.take(table, jnp.clip(offset, 0, scope - 1), axis=axis)
    return taken * seen.reshape(1, *(1,) * (axis - 1), count, context, *(1,) * (table.ndim - axis - 1)).astype(
        table.dtype
    )


def product(equation: str, *operands: Array) -> Array:
    """An einsum in float32 as exact as JAX is asked to be where it is called, and of narrower operands with sums in float32."""
    array = jnp.einsum(equation, *operands, preferred_element_type=accumulator(operands[0]))
    return array.astype(operands[0].dtype)


def accumulator(array: Array) -> jnp.dtype:
    """What sums are held in: float32 at least."""
    return jnp.promote_types(array.dtype, jnp.float32)
