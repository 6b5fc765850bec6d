"""A small network as a file, made here once a session: what tests of runtimes that run files share."""

import dataclasses
import functools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lambdabench.core.exported import ARRAYS, ExportAsked, Exported, ExportFacts
from lambdabench.core.spec import Case

CASE = Case(
    model="small", backend="onnxruntime", device="cpu", batch_size=2, image_px=8, param_dtype="float32", threads=1
)


class Workload:
    """One convolution and a mean, with four outputs an image."""

    weights = "random"

    def __init__(self) -> None:
        import torch
        from torch import nn

        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def inputs(self, case: Case, seed: int) -> tuple[Any, ...]:
        import torch

        px, maker = case.image_px or 8, torch.Generator().manual_seed(seed)
        return (torch.randn(case.batch_size, 3, px, px, generator=maker),)

    def arguments(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        return inputs

    def check(self, output: Any, case: Case) -> str:
        return "" if output.shape == (case.batch_size, 4) else f"shape {tuple(output.shape)}"

    def features(self, output: Any, case: Case) -> str:
        return ""

    def interaction_bytes(self, case: Case) -> int | None:
        return None


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="lambdabench-test-exports-")


@functools.cache
def small(format_: str = "onnx", batch_size: int = 2) -> Exported:
    """The network in a format."""
    import torch

    from lambdabench.backends import _torch_precision
    from lambdabench.tasks import export

    _torch_precision.set_products(torch, "float32")  # compilers refuse what other tests may have left half set
    folder = Path(_folder().name) / f"{format_}{batch_size}"
    folder.mkdir(exist_ok=True)
    asked = ExportAsked(case=dataclasses.replace(CASE, batch_size=batch_size), format=format_, seed=0)
    return Exported(folder=folder, facts=export.export(Workload(), asked, folder))  # pyright: ignore[reportArgumentType]


def with_outputs(exported: Exported, folder: Path, change: Any) -> Exported:
    """The same file beside other outputs of eager."""
    with np.load(exported.folder / ARRAYS) as arrays:
        changed = {name: change(array) if name.startswith("output") else array for name, array in arrays.items()}
    np.savez(folder / ARRAYS, **changed)
    facts: ExportFacts = dataclasses.replace(exported.facts, file=str(exported.path))
    return Exported(folder=folder, facts=facts)
