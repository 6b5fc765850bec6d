"""What backends of several frameworks take from NVIDIA's packages."""

from importlib.util import find_spec

from ..core.spec import Device, Library

LIBRARIES = (
    Library(name="cuda", distributions=("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12"), device="cuda"),
    Library(name="cudnn", distributions=("nvidia-cudnn-cu13", "nvidia-cudnn-cu12"), device="cuda"),
)
"""A package for each major version of CUDA."""


def devices(backend: str) -> tuple[Device, ...]:
    """GPUs as NVIDIA's management library names them, for a runtime that has no such list of its own; none without it."""
    if find_spec("pynvml") is None:
        return ()
    import pynvml

    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return tuple(
            Device(
                name=f"cuda:{index}",
                title=str(pynvml.nvmlDeviceGetName(handle)),
                memory_bytes=int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
                backends=(backend,),
            )
            for index, handle in enumerate(handles)
        )
    except pynvml.NVMLError:
        return ()
