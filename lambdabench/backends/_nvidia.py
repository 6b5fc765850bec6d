"""What backends of several frameworks take from NVIDIA's packages."""

from ..core.spec import Library

LIBRARIES = (
    Library(name="cuda", distributions=("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12"), device="cuda"),
    Library(name="cudnn", distributions=("nvidia-cudnn-cu13", "nvidia-cudnn-cu12"), device="cuda"),
)
"""A package for each major version of CUDA."""
