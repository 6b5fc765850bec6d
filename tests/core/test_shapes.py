"""What one image is, as flags and suites write it and as a case holds it: one shape is one case, whoever writes it how."""

import pytest

from lambdabench.core.errors import LambdabenchError, SuiteError
from lambdabench.core.identity import case_id
from lambdabench.core.shapes import Shape, parse, settled, shape_of
from lambdabench.core.spec import Case, options_from

PLAIN = Case(model="resnet50", device="cpu", image_px=224, threads=2, param_dtype="float32")


def test_a_shape_is_read_and_told() -> None:
    assert parse("1x96x160") == Shape(channels=1, height=96, width=160)
    assert parse("96x160") == Shape(channels=3, height=96, width=160)
    assert (parse("1x96x160").told(), parse("1x96x160").px) == ("1x96x160", 160)
    assert (parse("3x96x96").flag(), parse("96x160").flag()) == ("--image-px 96", "--input 3x96x160")


@pytest.mark.parametrize("text", ["96", "x96", "0x96x96", "1x96x", "1x2x3x4", "9999999x9x9", "1 x 96 x 160", ""])
def test_what_is_no_shape_says_what_is_expected(text: str) -> None:
    with pytest.raises(
        LambdabenchError, match=r"--input: found '.*', expected channels x height x width like 1x96x160"
    ):
        parse(text, what="--input")


@pytest.mark.parametrize("size", [224, "3x224x224", "224x224"])
def test_a_square_of_three_channels_is_the_case_that_it_always_was(size: int | str) -> None:
    assert settled(PLAIN, size) == PLAIN
    assert case_id(settled(PLAIN, size)) == case_id(PLAIN)


def test_any_other_shape_stands_in_the_options_and_is_another_case() -> None:
    case, same = settled(PLAIN, "96x160"), settled(PLAIN, "3x96x160")
    assert case == same
    assert (case.image_px, case.options) == (160, (("input", "3x96x160"),))
    gray = settled(PLAIN, "1x160x160")
    assert len({case_id(item) for item in (PLAIN, case, gray, settled(PLAIN, "3x160x96"))}) == 4
    assert shape_of(160, case.options) == Shape(height=96, width=160)
    assert shape_of(64, {"in_chans": 1}) == Shape(channels=1, height=64, width=64)


def test_a_shape_among_a_suites_options_is_put_the_same_way() -> None:
    given = Case(model="m", options=options_from({"input": "224x224", "fold": True}))
    assert settled(given, 64).options == (("fold", True),)
    assert settled(given, 64).image_px == 224
    with pytest.raises(SuiteError, match="m: input: found 'wide', expected channels x height x width"):
        settled(Case(model="m", options=options_from({"input": "wide"})), None)


def test_what_says_two_things_is_refused() -> None:
    with pytest.raises(SuiteError, match="found in_chans = 3 and an input of 1x8x8; leave one out"):
        settled(Case(model="m", options=options_from({"in_chans": 3})), "1x8x8")
    with pytest.raises(SuiteError, match=r"the map of a layer that is not square is options\.size"):
        settled(Case(model="lambda_layer", kind="layer"), "96x160")
