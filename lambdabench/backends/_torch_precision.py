"""How exact torch's float32 is: convolutions, recurrent layers and matrix products, set by a case and read back from what is in force."""

from typing import Any, NamedTuple

from ..core.dtypes import PRODUCTS
from ..core.errors import MismatchError

WORDS = {"ieee": "highest", "none": "highest", "tf32": "high", "bf16": "medium"}
"""What a switch says -> torch.set_float32_matmul_precision's word for it (PyTorch, "Numerical accuracy" and "CUDA semantics")."""


class Switch(NamedTuple):
    """One of torch.backends.LIBRARY.OPERATOR.fp32_precision, which torch has from 2.9 on."""

    library: str
    operator: str

    def __str__(self) -> str:
        return f"{self.library}.{self.operator}"


NVIDIA = (Switch("cuda", "matmul"), Switch("cudnn", "conv"), Switch("cudnn", "rnn"))
"""AMD's too: torch calls ROCm's libraries by the same names."""
ONEDNN = (Switch("mkldnn", "matmul"), Switch("mkldnn", "conv"), Switch("mkldnn", "rnn"))
"""Of processors and of Intel's GPUs."""


def set_products(torch: Any, dtype: str) -> None:
    """Every switch, for a case's dtype. Old switches first, which new ones inherit from and must not contradict."""
    is_tf32 = dtype == "tf32"
    torch.set_float32_matmul_precision(PRODUCTS.get(dtype, "highest"))
    torch.backends.cudnn.allow_tf32 = is_tf32
    for switch in (*NVIDIA, *ONEDNN):
        if (operator := _operator(torch, switch)) is not None:
            operator.fp32_precision = "tf32" if is_tf32 and switch in NVIDIA else "ieee"


def products(torch: Any, kind: str) -> str:
    """What is in force on a kind of device: the word of its matrix products, and every switch that says another."""
    switches = NVIDIA if kind == "cuda" else ONEDNN
    values = {switch: _in_force(torch, switch) for switch in switches}
    word = values[switches[0]]
    others = [f"{switch} {value}" for switch, value in values.items() if value != word]
    return f"{word} but {', '.join(others)}" if others else word


def refuse_other_search(torch: Any, asked: bool) -> None:
    """Raises MismatchError where something but the case says whether cuDNN looks for its fastest algorithms."""
    if torch.backends.cudnn.benchmark != asked:
        raise MismatchError(
            f"torch.backends.cudnn.benchmark is {not asked} instead of {asked}: the network sets it itself; leave that to the option "
            "cudnn_benchmark"
        )


def _in_force(torch: Any, switch: Switch) -> str:
    """A switch's word; by the old switches where torch has no new ones, of which processors have one for all."""
    operator = _operator(torch, switch)
    if operator is not None:
        precision: str = operator.fp32_precision
        return WORDS.get(precision, precision)
    if switch.library == "cudnn":
        return "high" if torch.backends.cudnn.allow_tf32 else "highest"
    return torch.get_float32_matmul_precision()


def _operator(torch: Any, switch: Switch) -> Any:
    """What holds a switch; None before torch 2.9."""
    operator = getattr(getattr(torch.backends, switch.library, None), switch.operator, None)
    try:
        return operator if hasattr(operator, "fp32_precision") else None
    except AttributeError:  # of matrix products before 2.9, which answer so for what they do not know
        return None
