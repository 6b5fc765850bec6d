"""What `prove` has a device do itself: right answers against float64, and what it reaches where nothing is around it."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import kernels
from ..core import codec, registry
from ..core.proof_protocol import Copied, KernelError, Loaded, ProofAnswered, ProofAsked
from ..kernels import reference
from . import sustained_load
from .device_work import DeviceWork, JaxWork, TorchWork
from .scripted_work import ScriptedWork

SHAPES = (
    # batch, size, heads, key depth, value depth, scope
    (2, (8, 8), 4, 16, 16, 7),
    (3, (5, 9), 2, 8, 32, 3),
    (1, (7, 7), 4, 16, 128, 23),
)
LOOK_S = 0.5
"""Of each rate."""
Given = tuple[Any, Any, Any, Any]


def answer(folder: Path) -> None:
    """Reads request.json; asks the device; writes answer.json."""
    asked = codec.read(ProofAsked, folder / "request.json")
    codec.write(folder / "answer.json", _answered(asked))


def _answered(asked: ProofAsked) -> ProofAnswered | Loaded | Copied:
    if asked.what == "answers":
        return _in_torch(asked.device) if asked.framework == "torch" else _in_jax(asked.device)
    work = _work(asked)
    return sustained_load.load(work) if asked.what == "load" else sustained_load.copies(work)


def _work(asked: ProofAsked) -> DeviceWork:
    if asked.framework == "fake":
        return ScriptedWork()
    return TorchWork(asked.device) if asked.framework == "torch" else JaxWork(asked.device)


def best_s(work: Callable[[], object], look_s: float = LOOK_S) -> float:
    """Seconds of the quickest call in a while, after one that is not counted."""
    work()
    best, end_s = float("inf"), time.perf_counter() + look_s
    while time.perf_counter() < end_s:
        begun_s = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - begun_s)
    return best


def _worst(run: Callable[[Given, Any], tuple[Any, ...]]) -> float:
    """The largest error over the largest value, of outputs and gradients, in all shapes."""
    errors: list[float] = []
    for b, size, h, k, v, scope in SHAPES:
        generator = np.random.default_rng(0)
        sizes = ((b, *size, h, k), (b, *size, v), (b, k, v), (k, scope, scope), (b, *size, h, v))
        queries, values, content, table, slope = (generator.standard_normal(part) for part in sizes)
        y, gradients = reference.applied(queries, values, content, table, slope)
        for array, right in zip(run((queries, values, content, table), slope), (y, *gradients), strict=True):
            assert right is not None
            difference = np.abs(np.asarray(array, np.float64).reshape(right.shape) - right).max()
            errors.append(float(difference / np.abs(right).max()))
    return max(errors)


def _error_of(kernel: str, dtype: str, run: Callable[[Given, Any], tuple[Any, ...]]) -> KernelError:
    try:
        return KernelError(kernel=kernel, dtype=dtype, error=_worst(run))
    except Exception as error:  # whatever a compiler or a driver raises is the answer
        text = " ".join(str(error).split())
        return KernelError(kernel=kernel, dtype=dtype, problem=f"{type(error).__name__}: {text[:200]}")


def _rates(work: DeviceWork, dtypes: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """FLOP/s of a large product, by dtype."""
    side = work.sizes.side
    return tuple((dtype, 2 * side**3 / best_s(work.product(side, dtype))) for dtype in dtypes)


def _in_torch(device: str) -> ProofAnswered:
    import torch

    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    work = TorchWork(device)
    place = work.device

    def run_of(kernel: str) -> Callable[[Given, Any], tuple[Any, ...]]:
        apply = registry.load("kernels", kernel).apply

        def run(given: Given, slope: Any) -> tuple[Any, ...]:
            queries, values, content, table = (
                torch.tensor(array, dtype=torch.float32, device=place) for array in given
            )
            maps = [queries.permute(0, 3, 4, 1, 2), values.permute(0, 3, 1, 2)[:, :, None], content, table[:, None]]
            leaves = [tensor.detach().requires_grad_() for tensor in maps]
            y = apply(*leaves)
            d_y = torch.tensor(slope, dtype=torch.float32, device=place).permute(0, 3, 4, 1, 2)
            d_queries, d_values, d_content, d_table = torch.autograd.grad(y, leaves, d_y)
            plain = (
                y.permute(0, 3, 4, 1, 2),
                d_queries.permute(0, 3, 4, 1, 2),
                d_values[:, :, 0].permute(0, 2, 3, 1),
                d_content,
                d_table,
            )
            return tuple(tensor.detach().cpu().numpy() for tensor in plain)

        return run

    copy = work.copy(sustained_load.COPIED_BYTES)
    small = torch.ones(8, device=place)
    return ProofAnswered(
        title=torch.cuda.get_device_name(place) if place.type == "cuda" else "",
        errors=tuple(_error_of(kernel, "float32", run_of(kernel)) for kernel in _runnable(place)),
        product_flop_per_s=_rates(work, ("float32", "bfloat16") if place.type != "cpu" else ("float32",)),
        copy_bytes_per_s=2 * sustained_load.COPIED_BYTES / best_s(lambda: (copy(), work.wait())),
        round_trip_s=best_s(lambda: (small + 1, work.wait())),
        versions=(("torch", torch.__version__),),
    )


def _runnable(place: Any) -> list[str]:
    """Kernels of torch that are for a device, and not another one in their place."""
    import torch

    like = torch.ones(1, device=place)
    chosen: list[str] = []
    for kernel in kernels.names("torch"):
        try:
            kernels.choose(kernel)
            runs = getattr(registry.load("kernels", kernel), "runs", None)
        except Exception:  # no compiler, no triton: not for this machine
            continue
        if runs is None or runs(like):
            chosen.append(kernel)
    return chosen


def _in_jax(device: str) -> ProofAnswered:
    import jax
    from jax import numpy as jnp

    work = JaxWork(device)
    chosen = work.device

    def run_of(kernel: str) -> Callable[[Given, Any], tuple[Any, ...]]:
        apply = registry.load("kernels", kernel).apply

        def both(given: Any, slope: Any) -> Any:
            y, pull = jax.vjp(apply, *given)
            return y, *pull(slope)

        def run(given: Given, slope: Any) -> tuple[Any, ...]:
            queries, values, content, table = (jnp.asarray(array, jnp.float32) for array in given)
            return jax.jit(both)((queries, values[..., None], content, table[:, None]), jnp.asarray(slope, jnp.float32))

        return run

    with jax.default_device(chosen), jax.default_matmul_precision("highest"):
        here = [name for name in kernels.names("jax") if _stays(name, chosen.platform)]
        errors = tuple(_error_of(kernel, "float32", run_of(kernel)) for kernel in here)
        more, source = jax.jit(lambda x: x + 1), jnp.ones(sustained_load.COPIED_BYTES // 4)
        return ProofAnswered(
            title=chosen.device_kind,
            errors=errors,
            product_flop_per_s=_rates(work, ("bfloat16", "float32") if chosen.platform != "cpu" else ("float32",)),
            copy_bytes_per_s=2 * sustained_load.COPIED_BYTES / best_s(lambda: more(source).block_until_ready()),
            round_trip_s=best_s(lambda: more(jnp.ones(8)).block_until_ready()),
            versions=(("jax", jax.__version__),),
        )


def _stays(kernel: str, platform: str) -> bool:
    """Whether a kernel is for a platform, and no other one in its place."""
    if kernel == "xla_cpu":
        return platform == "cpu" and not registry.load("kernels", kernel).problem()
    return kernels.choose_xla(kernel, (8, 8), (8, 8), (7, 7), platform) == kernel
