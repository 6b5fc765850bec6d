"""Programs compiled for TPUs that are not here, by libtpu's own compiler: does a case compile, does it fit, what does a kernel cost.

A process of its own with the variables of `core.targets.variables`: libtpu reads them once.
"""

from importlib.util import find_spec
from typing import Any

from ...core.errors import MissingExtraError
from ...core.targets import Target

INSTALL = "pip install --no-deps libtpu"


def mesh_for(target: Target, chips: int, axis: str) -> Any:
    """A mesh of the first `chips` of a target's devices. Raises MissingExtraError without libtpu."""
    if find_spec("libtpu") is None:
        raise MissingExtraError(f"compiling for {target.name} needs libtpu: {INSTALL}")
    import jax
    import numpy as np
    from jax.experimental import topologies
    from jax.sharding import Mesh

    jax.config.update("jax_platforms", "cpu")
    devices = topologies.get_topology_desc(platform="tpu", topology_name=target.topology).devices
    return Mesh(np.array(devices[:chips]), (axis,))
