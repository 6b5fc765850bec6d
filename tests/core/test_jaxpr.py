"""Operations of traced programs are counted as torch's FlopCounterMode counts them."""

import pytest

jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")
from jax import numpy as jnp  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from lambdabench.core import jaxpr  # noqa: E402


def program(work: object, *shapes: tuple[int, ...]) -> object:
    return jax.make_jaxpr(work)(*(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)).jaxpr


@pytest.mark.parametrize("px", [4, 8, 9])
@pytest.mark.parametrize(("taps", "pad"), [(1, 0), (3, 0), (3, 1), (7, 3)])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_and_its_gradients_count_as_in_torch(px: int, taps: int, pad: int, stride: int) -> None:
    if px + 2 * pad < taps:
        pytest.skip("no output")
    images = torch.randn(2, 8, px, px + 1, requires_grad=True)
    kernel = torch.randn(12, 8, taps, taps, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        torch.nn.functional.conv2d(images, kernel, None, stride, pad).square().sum().backward()

    def work(images: object, kernel: object) -> object:
        padding, order = ((pad, pad), (pad, pad)), ("NHWC", "HWIO", "NHWC")
        maps = jax.lax.conv_general_dilated(images, kernel, (stride, stride), padding, dimension_numbers=order)
        return jnp.square(maps).sum()

    value = jaxpr.flops(program(jax.grad(work, (0, 1)), (2, px, px + 1, 8), (taps, taps, 8, 12)))
    assert value == counter.get_total_flops()


def test_a_grouped_convolution_and_its_gradients_are_three_times_its_forward_pass() -> None:
    def work(images: object, kernel: object) -> object:
        order = ("NHWC", "HWIO", "NHWC")
        maps = jax.lax.conv_general_dilated(
            images, kernel, (1, 1), "SAME", dimension_numbers=order, feature_group_count=4
        )
        return jnp.square(maps).sum()

    shapes = (2, 5, 5, 8), (3, 3, 2, 12)
    forward = jaxpr.flops(program(work, *shapes))
    assert forward == 2 * 2 * 25 * 12 * 2 * 9
    assert jaxpr.flops(program(jax.grad(work, (0, 1)), *shapes)) == 3 * forward


def test_inner_programs_are_entered_and_loops_count_their_turns() -> None:
    def body(x: object, _: None) -> object:
        return jax.checkpoint(lambda x: jnp.tanh(jax.jit(jnp.matmul)(x, x)))(x), None

    looped = program(lambda x: jax.lax.scan(body, x, None, length=5)[0], (4, 4))
    assert jaxpr.flops(looped) == 5 * 2 * 4**3
    assert jaxpr.written_elements(looped) == 5 * 16


def test_batched_products_count_every_batch() -> None:
    product = program(lambda a, b: jnp.einsum("bij,bjk->bik", a, b), (3, 4, 5), (3, 5, 6))
    assert jaxpr.flops(product) == 2 * 3 * 4 * 5 * 6
    assert jaxpr.operand_dtypes(product) == {"float32"}


def test_precision_is_what_was_in_force_when_it_was_traced() -> None:
    for asked, name in (("highest", "highest"), ("tensorfloat32", "high"), ("default", "default")):
        with jax.default_matmul_precision(asked):
            assert jaxpr.precisions(program(lambda a: a @ a, (4, 4))) == {name}
    assert jaxpr.precisions(program(lambda a: a.astype(jnp.bfloat16) @ a.astype(jnp.bfloat16), (4, 4))) == set()


def test_a_compiler_counts_no_loops_and_no_kernels() -> None:
    """XLA's cost analysis takes a scan's body once: a program with one has no number of a run."""

    def turns(count: int) -> object:
        return program(lambda x: jax.lax.scan(lambda y, _: (y @ y, None), x, None, length=count)[0], (4, 4))

    assert jaxpr.is_countable(program(lambda x: jax.jit(jnp.matmul)(x, x), (4, 4)))
    assert jaxpr.is_countable(turns(1))
    assert not jaxpr.is_countable(turns(8))
    assert not jaxpr.is_countable(
        program(lambda x: jax.jit(lambda y: jax.lax.while_loop(lambda z: z.sum() < 9, lambda z: z @ z, y))(x), (4, 4))
    )
