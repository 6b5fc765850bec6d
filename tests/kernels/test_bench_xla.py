"""The lambda layer's formulations in XLA against the paper's own listing, timed in turns: ratios, never asserted.

`pytest tests/kernels --benchmark-only` prints them under "extra_info" with --benchmark-json; a plain run takes a round or two.
"""

import statistics
import time
from typing import Any

import pytest

from lambdabench import kernels

jax = pytest.importorskip("jax")
pytest.importorskip("pytest_benchmark")

from lambdabench.core import registry  # noqa: E402 (JAX may be absent)

STAGES = {
    # side, value depth: maps of a ResNet-50 at 224 pixels (arXiv 2102.08602, section 4: k = 16, h = 4)
    "c3": (28, 32),
    "c4": (14, 64),
    "c5": (7, 128),
}
ROUNDS = 5


def compiled(kernel: str, side: int, depth: int, scope: int) -> Any:
    """One layer's application of lambdas to one image, compiled, with its inputs."""
    keys = jax.random.split(jax.random.key(0), 4)
    queries = jax.random.normal(keys[0], (1, side, side, 4, 16))
    values = jax.random.normal(keys[1], (1, side, side, depth, 1))
    content = jax.random.normal(keys[2], (1, 16, depth))
    table = jax.random.normal(keys[3], (16, 1, scope, scope))
    apply = jax.jit(registry.load("kernels", kernel).apply).lower(queries, values, content, table).compile()
    return lambda: jax.block_until_ready(apply(queries, values, content, table))


@pytest.mark.parametrize("scope", [7, 23])
@pytest.mark.parametrize("stage", STAGES)
def test_the_chosen_formulation_beside_the_papers(benchmark: Any, stage: str, scope: int) -> None:
    side, depth = STAGES[stage]
    kernel = kernels.choose_xla("auto", (side, side), (side, side), (scope, scope), jax.default_backend())
    chosen, papers = compiled(kernel, side, depth, scope), compiled("xla_einsum", side, depth, scope)
    ratios: list[float] = []

    def in_turns() -> None:
        times: list[float] = []
        for item in (papers, chosen):
            start_s = time.perf_counter()
            item()
            times.append(time.perf_counter() - start_s)
        ratios.append(times[0] / times[1])

    benchmark.pedantic(in_turns, rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info |= {"kernel": kernel, "times_the_papers_speed": statistics.median(ratios)}
    assert ratios
