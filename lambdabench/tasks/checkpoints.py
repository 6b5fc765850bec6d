"""Files of weights: read as tensors by their names, and as nothing else. What would run code when it is loaded is refused and runs none."""

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes as ml_dtypes  # numpy knows bfloat16 by its name once this is imported
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ..core.conversion import SAFETENSORS
from ..core.errors import ConversionError

Array = NDArray[Any]
SHOWN = 5
"""Names that a message about what is no tensor lists."""
ARCHIVE, PICKLE = b"PK", b"\x80"
"""How files of torch.save's begin, and those from before torch 1.6."""
GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
"""What a pickle would call, in torch's words."""
PARTS = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Under which training scripts keep the state dict beside other things; averaged weights, which they validate with, come first."""
WRAPPINGS = ("module.", "_orig_mod.")
"""Before every name of a network that was trained on several devices, or compiled."""


def read(source: Path, within: Sequence[str] = ()) -> dict[str, Array]:
    """The tensors of a file by name; those of the first part called as in `within`, where it has one. Raises ConversionError where it is
    not what its suffix says, or holds more than tensors."""
    try:
        if source.suffix == SAFETENSORS:
            return dict(load_file(source))
        loaded: Any = torch.load(source, map_location="cpu", weights_only=True)
    except Exception as error:  # each format fails in its own ways
        raise ConversionError(_refusal(source, error)) from error
    if not isinstance(loaded, Mapping):
        raise ConversionError(
            f"{source} holds a {type(loaded).__name__}, expected a state dict: names and tensors; "
            "save the state dict, torch.save(model.state_dict(), ...)"
        )
    inner = next((loaded[name] for name in within if isinstance(loaded.get(name), Mapping)), loaded)
    if strange := [str(name) for name, item in inner.items() if not isinstance(item, torch.Tensor)]:
        raise ConversionError(
            f"{source} is no state dict, some of it are no tensors: {', '.join(strange[:SHOWN])}; "
            "save the state dict alone"
        )
    return {str(name): to_numpy(item) for name, item in inner.items()}


def bare(state: Mapping[str, Array]) -> dict[str, Array]:
    """The state without what wrappers of a network put before every name."""
    for wrapping in WRAPPINGS:
        if state and all(name.startswith(wrapping) for name in state):
            return bare({name.removeprefix(wrapping): array for name, array in state.items()})
    return dict(state)


def _refusal(source: Path, error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError) and _is_torchs(source) and (called := GLOBAL.search(str(error))):
        return (
            f"{source} holds more than tensors: loading it would call {called[1]}, which was not done; "
            "save the weights alone, torch.save(model.state_dict(), ...), or as .safetensors"
        )
    first = (str(error).splitlines() or [""])[0]
    is_told = source.suffix == SAFETENSORS or isinstance(error, OSError) or _is_torchs(source)
    name = first if is_told else "it is no file of torch.save's"
    mend = "save it again, torch.save(model.state_dict(), ...), or as .safetensors"
    return f"{source} cannot be read as {source.suffix or 'a checkpoint'}: {name}; {mend}"


def _is_torchs(source: Path) -> bool:
    """Whether a file begins as torch.save's do: what torch says of any other is a riddle."""
    with source.open("rb") as file:
        return file.read(len(ARCHIVE)).startswith((ARCHIVE, PICKLE))


def to_numpy(tensor: torch.Tensor) -> Array:
    """The same bytes under the same dtype, bfloat16 and the like too, which torch does not hand to numpy."""
    plain = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy()
    return plain.view(np.dtype(str(tensor.dtype).removeprefix("torch."))).reshape(tuple(tensor.shape))


def to_torch(array: Array) -> torch.Tensor:
    """The inverse of `to_numpy`; a copy."""
    plain = np.array(array, order="C").reshape(-1).view(np.uint8)
    return torch.from_numpy(plain).view(getattr(torch, array.dtype.name)).reshape(array.shape)
