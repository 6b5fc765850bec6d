"""The Pallas kernel without a TPU: equal to the equations in float64 in the interpreter, and compiled by libtpu for v5e and v4."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from jax import numpy as jnp  # noqa: E402 (JAX may be absent)

from lambdabench import kernels  # noqa: E402
from lambdabench.core.targets import TARGETS, variables  # noqa: E402
from lambdabench.kernels import _xla_target, reference, xla_pallas  # noqa: E402
from lambdabench.kernels._pallas import tiles  # noqa: E402

SHAPES = {
    # batch, size, heads, key depth, context size, value depth, window, whether there is a content term
    "several images in a register": (8, (4, 8), 4, 16, (4, 8), 16, (3, 3), True),
    "nothing fits whole": (3, (5, 7), 2, 3, (3, 6), 5, (3, 5), True),
    "several registers an image": (2, (4, 9), 2, 8, (6, 3), 200, (7, 9), False),
    "a window over the map": (1, (3, 10), 1, 32, (3, 10), 128, (23, 23), True),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_values_and_gradients_are_those_of_the_equations_in_float64(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xla_pallas, "INTERPRETED", True)
    b, size, h, k, context, v, window, has_content = SHAPES[shape]
    generator = np.random.default_rng(0)
    content = generator.standard_normal((b, k, v)) if has_content else None
    sizes = ((b, *size, h, k), (b, *context, v, 1), (k, 1, *window))
    queries, values, table = (generator.standard_normal(part) for part in sizes)
    slope = generator.standard_normal((b, *size, h, v))

    def both(*given: Any) -> Any:
        y, pull = jax.vjp(xla_pallas.apply, *given)
        return y, pull(jnp.asarray(slope, jnp.float32))

    given = [None if array is None else jnp.asarray(array, jnp.float32) for array in (queries, values, content, table)]
    y, gradients = jax.jit(both)(*given)
    wanted, exact = reference.applied(queries, values[..., 0], content, table[:, 0], slope)
    for array, right in ((y, wanted), *zip(gradients, exact, strict=True)):
        if right is not None:
            assert np.abs(np.asarray(array).reshape(right.shape) - right).max() <= 2e-6 * np.abs(right).max()


def test_elsewhere_and_on_maps_too_large_for_a_core_rows_run_and_it_is_said() -> None:
    def chosen(side: int, platform: str) -> str:
        return kernels.choose_xla("xla_pallas", (side, side), (side, side), (23, 23), platform)

    assert (chosen(56, "tpu"), chosen(56, "cpu"), chosen(56, "gpu")) == ("xla_pallas", "xla_rows", "xla_rows")
    assert chosen(512, "tpu") == "xla_rows"
    assert tiles.vmem_bytes(tiles.cut((1, 512, 512, 4, 16), (1, 512, 512, 16), (23, 23)), 4) > tiles.VMEM_BYTES


def test_images_are_split_over_devices_and_the_table_s_gradients_summed() -> None:
    """In a process that has two CPU devices."""
    script = Path(__file__).with_name("split_pallas.py")
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split()[-1] == "equal"


@pytest.mark.skipif(find_spec("libtpu") is None, reason="libtpu is not installed: pip install --no-deps libtpu")
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_both_directions_compile_for_a_tpu_that_is_not_here(target: Any) -> None:
    """For bfloat16 and float32, one in each direction; all stages: the script alone."""
    script = Path(__file__).with_name("compiled_pallas.py")
    environment = os.environ | variables(target) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    cases = ("7 512 7 bfloat16 backward", "14 256 7 float32 forward")
    done = subprocess.run(
        [sys.executable, str(script), target.name, *cases],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("compiled") == len(cases), done.stdout


def test_a_program_is_traced_for_what_is_said_and_for_this_machine_otherwise() -> None:
    here = _xla_target.platform()
    with _xla_target.target(platform="tpu"):
        assert _xla_target.platform() == "tpu"
    assert _xla_target.platform() == here == jax.default_backend()
