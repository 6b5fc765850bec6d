"""Each dtype of a case is described once, as torch has it."""

from typing import get_args

import pytest
import torch

from lambdabench.analysis.agreement import LIMITS
from lambdabench.core.dtypes import PRECISIONS, PRODUCTS, Precision
from lambdabench.core.spec import Dtype


def test_every_dtype_has_one_description_and_a_limit_of_agreement() -> None:
    assert sorted(precision.name for precision in PRECISIONS) == sorted(get_args(Dtype)) == sorted(LIMITS)


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda precision: precision.name)
def test_it_is_held_in_what_torch_has_and_as_wide(precision: Precision) -> None:
    held_in = getattr(torch, precision.held_in)
    assert torch.finfo(held_in).bits == 8 * precision.number_bytes


def test_products_are_asked_for_of_what_is_held_in_float32_in_torchs_words() -> None:
    assert set(PRODUCTS) == {precision.name for precision in PRECISIONS if precision.held_in == "float32"}
    before = torch.get_float32_matmul_precision()
    for words in sorted({*PRODUCTS.values()} - {"default"}):  # JAX's own
        torch.set_float32_matmul_precision(words)
        assert torch.get_float32_matmul_precision() == words
    torch.set_float32_matmul_precision(before)
