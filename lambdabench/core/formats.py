"""Files that people give as a network and that are none we can run: told by their ending, and `.pt` by what is inside."""

import zipfile
from pathlib import Path

from .errors import SuiteError
from .sources import FILES

EXPORT = "export it: torch.export.save(torch.export.export(network, (images,)), 'net.pt2')"
CALLABLE = "give what makes it: --model file.py:callable"
KINDS = {
    ".engine": ("a TensorRT engine, which no backend here runs", f"{CALLABLE}, of the network that it was built from"),
    ".plan": ("a TensorRT engine, which no backend here runs", f"{CALLABLE}, of the network that it was built from"),
    ".tflite": ("a TensorFlow Lite model, which no backend here runs", f"{CALLABLE}, of a network in torch or JAX"),
    ".keras": ("a Keras model, which no backend here runs", f"{CALLABLE}, of a network in torch or JAX"),
    ".h5": ("an HDF5 file, which no backend here runs", f"{CALLABLE}, of a network in torch or JAX"),
    ".pb": ("a TensorFlow graph, which no backend here runs", f"{CALLABLE}, of a network in torch or JAX"),
    ".mlmodel": ("a Core ML model, which no backend here runs", f"{CALLABLE}, of a network in torch or JAX"),
    ".safetensors": ("weights, and no network", f"{CALLABLE}, which makes the network and loads them"),
    ".ckpt": ("a checkpoint, and no network", f"{CALLABLE}, which makes the network and loads it"),
    ".npz": ("arrays, and no network", f"{CALLABLE}, which makes the network and loads them"),
    ".msgpack": ("weights, and no network", f"{CALLABLE}, which makes the network and loads them"),
}
TORCHS = (".pt", ".pth", ".ts", ".torchscript", ".bin")
"""Endings of what torch saves, whatever it is."""
SCRIPTED = (
    "TorchScript",
    "put `def make(): return torch.jit.load({name!r})` into net.py and give --model net.py:make; or " + EXPORT,
)
SAVED = ("what torch.save wrote, weights most often", f"{CALLABLE}, which makes the network and loads them")
UNKNOWN = (
    "no file that is there",
    f"{CALLABLE}, or --model net.pt2 or net.onnx, or a model's name (lambdabench list models)",
)


def refuse(model: str) -> None:
    """Raises SuiteError for a reference to a file that is no network we can run, with what it is and what to do."""
    path = Path(model)
    ending = path.suffix.lower()
    if ":" in model or ending in FILES:
        return
    kind = KINDS.get(ending) or (_torchs(path) if ending in TORCHS else None)
    if ending == ".py":
        raise SuiteError(f"--model {model}: which callable of it makes the network? Expected {model}:NAME")
    if kind is not None:
        what, mend = kind
        raise SuiteError(f"--model {model} is {what}; {mend.replace('{name!r}', repr(model))}")


def _torchs(path: Path) -> tuple[str, str]:
    """An archive with code is TorchScript; read by its table of contents alone, since loading it would run code."""
    if not path.is_file():
        return UNKNOWN
    if not zipfile.is_zipfile(path):
        return SAVED
    with zipfile.ZipFile(path) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
    if any(name == "constants.pkl" or name.startswith("code/") for name in names):
        return SCRIPTED
    if any(name.startswith(("models/", "archive_format", "serialized_exported_program")) for name in names):
        return "an exported program under another name", f"call it {path.stem}.pt2"
    return SAVED
