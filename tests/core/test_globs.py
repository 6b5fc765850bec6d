"""What is printed can be given back: names hold brackets, and a glob's are taken both ways."""

import pytest

from lambdabench.core.globs import picked

NAMES = ("a::test_w[2000]", "a::test_w[2000-x]", "a::test_w2", "a::test_[x]", "a::test_v[a*b]", "a::test_v[a-b]")


@pytest.mark.parametrize(
    ("glob", "wanted"),
    [
        ("a::test_w[2000]", ["a::test_w[2000]"]),
        ("*test_w[2000]", ["a::test_w[2000]", "a::test_w2"]),
        ("*test_w[2000*", ["a::test_w[2000]", "a::test_w[2000-x]"]),
        ("*::test_[x]", ["a::test_[x]"]),
        ("a::test_v[a*b]", ["a::test_v[a*b]"]),
        ("*test_v[[]a?b]", ["a::test_v[a*b]", "a::test_v[a-b]"]),
        ("*::test_w?", ["a::test_w2"]),
        ("*", list(NAMES)),
        ("nobody", []),
    ],
)
def test_a_glob_takes_brackets_as_they_stand_and_as_a_choice(glob: str, wanted: list[str]) -> None:
    assert list(picked(NAMES, glob)) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_every_name_picks_itself_alone(name: str) -> None:
    assert picked(NAMES, name) == (name,)
