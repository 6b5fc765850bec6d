"""Every switch of torch that lets float32 be less is set by the case and read back: convolutions too, whoever changed it since."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from lambdabench.backends import _torch_precision, torch_eager
from lambdabench.backends._torch_precision import NVIDIA, ONEDNN
from lambdabench.core.spec import Case
from lambdabench.models.classification.torch import Classification
from lambdabench.worker.opening_metrics import difference

SWITCHES = (*NVIDIA, *ONEDNN)
NEW = hasattr(torch.backends, "fp32_precision")


def operator(switch: Any) -> Any:
    return getattr(getattr(torch.backends, switch.library), switch.operator)


@pytest.fixture(autouse=True)
def switches() -> Iterator[None]:
    """They are the process's: put back what was in force."""
    threads, whole = torch.get_num_threads(), torch.backends.fp32_precision if NEW else ""
    precisions = [operator(switch).fp32_precision for switch in SWITCHES] if NEW else []
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = True
    if NEW:
        torch.backends.fp32_precision = whole
        for switch, precision in zip(SWITCHES, precisions, strict=True):
            operator(switch).fp32_precision = precision


class Meddling(nn.Module):
    """A network that changes a switch in its forward pass."""

    def __init__(self, library: str, name: str, value: str) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
        self.switch = library, name, value

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        library, name, value = self.switch
        setattr(getattr(getattr(torch.backends, library), name), "fp32_precision", value)  # noqa: B010 torch types it as read-only
        return self.layers(images)


def effective_of(network: nn.Module, dtype: str = "float32") -> tuple[Case, Any]:
    case = Case(model="m", device="cpu", batch_size=2, image_px=8, param_dtype="float32", threads=1, dtype=dtype)  # type: ignore[arg-type]
    session = torch_eager.open_session(Classification(network=network, classes=5), case, 0)
    return case, session.effective(session.call())


@pytest.mark.parametrize(("dtype", "word"), [("float32", "highest"), ("tf32", "high"), ("bfloat16", "highest")])
def test_a_case_sets_convolutions_as_it_sets_products(dtype: str, word: str) -> None:
    torch.backends.fp32_precision = "tf32"  # as a network's file may say, which convolutions would inherit
    _torch_precision.set_products(torch, dtype)
    assert _torch_precision.products(torch, "cuda") == word
    assert _torch_precision.products(torch, "cpu") == "highest"
    assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == (dtype == "tf32")
    assert torch.get_float32_matmul_precision() == word


@pytest.mark.skipif(not NEW, reason="torch before 2.9 has one switch for convolutions and one for products")
@pytest.mark.parametrize("switch", ONEDNN, ids=str)
def test_a_network_that_changes_one_switch_did_not_run_what_was_asked(switch: Any) -> None:
    case, effective = effective_of(Meddling(*switch, "bf16"))
    assert "medium" in effective.matmul
    assert "instead of 'highest'" in difference(case, effective)


@pytest.mark.skipif(not NEW, reason="torch before 2.9 has one switch for convolutions and one for products")
def test_convolutions_in_tf32_beside_exact_products_are_named() -> None:
    _torch_precision.set_products(torch, "float32")
    torch.backends.cudnn.conv.fp32_precision = "tf32"
    assert _torch_precision.products(torch, "cuda") == "highest but cudnn.conv high"


def test_a_network_that_meddles_with_products_is_a_mismatch_and_no_crash() -> None:
    """torch.get_float32_matmul_precision raises where old and new switches contradict each other."""
    case, effective = effective_of(Meddling("cuda", "matmul", "tf32"))
    assert difference(case, effective) == "", "of a GPU's switches a processor knows nothing"
    assert _torch_precision.products(torch, "cuda") == "high but cudnn.conv highest, cudnn.rnn highest"


@pytest.mark.parametrize(("dtype", "word"), [("float32", "highest"), ("tf32", "high")])
def test_torch_before_2_9_is_read_by_its_two_switches(dtype: str, word: str) -> None:
    words: list[str] = []
    cudnn = SimpleNamespace(allow_tf32=None)
    old: Any = SimpleNamespace(
        backends=SimpleNamespace(cudnn=cudnn, cuda=SimpleNamespace(matmul=SimpleNamespace())),
        set_float32_matmul_precision=words.append,
        get_float32_matmul_precision=lambda: words[-1],
    )
    _torch_precision.set_products(old, dtype)
    assert (_torch_precision.products(old, "cuda"), _torch_precision.products(old, "cpu")) == (word, word)
    cudnn.allow_tf32 = not cudnn.allow_tf32
    assert "but cudnn.conv" in _torch_precision.products(old, "cuda")
