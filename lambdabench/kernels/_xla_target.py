"""What a program in JAX is traced for: the platform that it will run on, and the mesh over which its images are split.

Both are JAX's own defaults unless said otherwise: a program is compiled here for devices that are elsewhere, and a kernel of ours is
no operation that XLA could divide by itself.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax.sharding import Mesh, PartitionSpec

_platform: contextvars.ContextVar[str] = contextvars.ContextVar("platform", default="")
_mesh: contextvars.ContextVar[Mesh | None] = contextvars.ContextVar("mesh", default=None)


def platform() -> str:
    """ "cpu", "gpu" or "tpu"."""
    return _platform.get() or jax.default_backend()


def kind() -> str:
    """What JAX calls the kind of the devices that programs are traced for."""
    abstract = getattr(jax.sharding.get_abstract_mesh(), "abstract_device", None)
    return jax.devices()[0].device_kind if abstract is None else abstract.device_kind


@contextlib.contextmanager
def target(*, mesh: Mesh | None = None, platform: str = "") -> Iterator[None]:
    """Within it, programs are traced for this platform, their images split over the one axis of this mesh."""
    tokens = _platform.set(platform), _mesh.set(mesh)
    try:
        yield
    finally:
        _platform.reset(tokens[0])
        _mesh.reset(tokens[1])


def split(function: Callable[..., Any], by_image: tuple[bool, ...]) -> Callable[..., Any]:
    """A function of arrays, run on each device of the mesh with its own images; `by_image` says which arguments have them, in their
    first axis. The function itself where there is one device."""
    mesh = _mesh.get()
    if mesh is None or mesh.size == 1:
        return function
    axis = PartitionSpec(mesh.axis_names[0])
    specs = tuple(axis if divided else PartitionSpec() for divided in by_image)
    return jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=axis, check_vma=False)
