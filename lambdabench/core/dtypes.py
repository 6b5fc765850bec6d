"""What a dtype of a case comes to: what its numbers are held in, how wide that is, how exact its products are. Each is said once."""

from dataclasses import dataclass

from .spec import Dtype


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """One dtype."""

    name: Dtype
    held_in: str
    """The dtype of inputs, weights and activations."""
    number_bytes: int
    """Of one number."""
    products: str = ""
    """What is asked of convolutions and matrix products in float32, in torch's words, which JAX shares, and JAX's own "default": whatever
    its compiler takes for float32 on a device, which is one pass in bfloat16 on a TPU (JAX, `jax.default_matmul_precision`), as float32
    was in the TensorFlow that papers' TPU tables ran. Empty where none are meant to be in float32."""


PRECISIONS = (
    Precision(name="float32", held_in="float32", number_bytes=4, products="highest"),
    Precision(name="tf32", held_in="float32", number_bytes=4, products="high"),
    Precision(name="float32_default", held_in="float32", number_bytes=4, products="default"),
    Precision(name="bfloat16", held_in="bfloat16", number_bytes=2),
    Precision(name="float16", held_in="float16", number_bytes=2),
)
HELD_IN = {precision.name: precision.held_in for precision in PRECISIONS}
BYTES = {precision.name: precision.number_bytes for precision in PRECISIONS}
PRODUCTS = {precision.name: precision.products for precision in PRECISIONS if precision.products}
