"""A suite cut over equal nodes: every case in one share, the reference and the control pair in each."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdabench import suite
from lambdabench.core.errors import RequestError
from lambdabench.core.spec import Suite
from lambdabench.plan.shares import cut, own_models, parse_share

TEXT = """
schema = 1
{head}
[defaults]
backend = "fake"
device = "fake"
batch_size = [1, 4]
[[grid]]
model = ["resnet50", "vit_small_patch16_224", "deit_small_patch16_224", {models}]
"""
HEAD = 'reference = { model = "resnet50" }\ncontrol = ["vit_small_patch16_224", "deit_small_patch16_224"]'
COMMON = {"resnet50", "vit_small_patch16_224", "deit_small_patch16_224"}


def made(folder: Path, models: int, head: str = HEAD) -> Suite:
    names = ", ".join(f'"model{number}"' for number in range(models))
    (folder / "mine.toml").write_text(TEXT.replace("{head}", head).replace("{models}", names))
    return suite.load(str(folder / "mine.toml"))


@given(models=st.integers(1, 12), count=st.integers(1, 15))
def test_every_case_is_in_one_share_and_the_common_ones_in_each(
    models: int, count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    whole = made(tmp_path_factory.mktemp("suite"), models)
    shares = [cut(whole, number, count) for number in range(1, count + 1)]
    own = [cell.case for share in shares for cell in share.cells if cell.case.model not in COMMON]
    assert sorted(map(str, own)) == sorted(str(cell.case) for cell in whole.cells if cell.case.model not in COMMON)
    assert all({cell.case.model for cell in share.cells} >= COMMON for share in shares)
    sizes = [len({cell.case.model for cell in share.cells}) for share in shares]
    assert max(sizes) - min(sizes) <= 1, "equal nodes have equally much to do"


def test_one_share_is_the_suite(tmp_path: Path) -> None:
    whole = made(tmp_path, 3)
    assert cut(whole, 1, 1) == whole
    assert own_models(whole) == 3


def test_the_reference_comes_at_the_settings_of_its_share_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        """
schema = 1
reference = { model = "resnet50" }
[defaults]
backend = "fake"
device = "fake"
[[grid]]
rows = [{ model = "resnet50", batch_size = [1, 8, 64] }, { model = "a", batch_size = 8 }, { model = "b", batch_size = 64 }]
"""
    )
    whole = suite.load(str(tmp_path / "mine.toml"))
    first, second = (
        [(cell.case.model, cell.case.batch_size) for cell in cut(whole, number, 2).cells] for number in (1, 2)
    )
    assert first == [("resnet50", 1), ("resnet50", 8), ("a", 8)]
    assert second == [("resnet50", 1), ("resnet50", 64), ("b", 64)]


def test_a_suite_without_a_reference_is_cut_without(tmp_path: Path) -> None:
    whole = made(tmp_path, 2, head="")
    assert [len(cut(whole, number, 5).cells) for number in range(1, 6)] == [2] * 5


@pytest.mark.parametrize("text", ["", "2", "0/5", "6/5", "a/b", "1/0", "-1/2", "1/99999"])
def test_no_share(text: str) -> None:
    with pytest.raises(RequestError, match=r"--share: found .*, expected a share and how many there are, as 2/5"):
        parse_share(text, "--share")


def test_shares() -> None:
    assert (parse_share("2/5", "--share"), parse_share(None, "--share")) == ((2, 5), None)
