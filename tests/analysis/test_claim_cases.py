"""What of a suite the headlines of claims are told from: enough for every verdict, and no other condition."""

import math
from pathlib import Path

import pytest
from scripted_claims import case, records
from test_claims import judge

from lambdabench import models, suite
from lambdabench.analysis.claim_accuracy import top1
from lambdabench.analysis.claim_cases import of_headlines
from lambdabench.commands.claims import headlines_of
from lambdabench.core.errors import RequestError, UnknownNameError
from lambdabench.core.spec import Case
from lambdabench.facts import claims as claim_facts
from lambdabench.facts.claims import Claim, network

KNOWN = claim_facts.claims()
CHOOSING = frozenset(name for name in models.ours() if "kernel" in models.option_defaults(name))
TIMED = [claim for claim in KNOWN.claims if claim.kind in ("curve", "ratio")]
NATIVE = dict(network(name) for curves in KNOWN.curves for recipe in curves.theirs for name in recipe.models)


def on_a_cpu(claim: Claim) -> list[Case]:
    """Cases of a claim's headline on a CPU, as a run there resolves them."""
    headline = KNOWN.set_of(claim).headline["cpu"]  # pyright: ignore[reportOptionalMemberAccess]
    cells = headlines_of(suite.load("claims"), [claim.id]).cells
    return [
        case(
            item.model, item.image_px or NATIVE[item.model], batch=item.batch_size, mode=item.mode, **dict(item.options)
        )
        for item in of_headlines([cell.case for cell in cells], [claim], KNOWN, CHOOSING)
        if (item.backend, item.batch_size, item.dtype) == (headline.backend, headline.batch_size, headline.dtype)
    ]


def seconds(item: Case) -> float:
    """More for a more accurate network, so that a curve goes through all that there are."""
    name = f"{item.model}@{item.image_px}"
    sides = [
        side
        for curves in KNOWN.curves
        for side in ((curves.mine, curves.weights), *((recipe.models, recipe.weights) for recipe in curves.theirs))
    ]
    known = [percent for models_, weights in sides if name in models_ and (percent := top1(name, weights)) is not None]
    return 0.1 * math.exp((max(known, default=80) - 80) / 5)


@pytest.mark.parametrize("claim", TIMED, ids=lambda claim: claim.id)
def test_what_is_measured_for_a_claim_is_what_its_headline_is_told_from(claim: Claim, tmp_path: Path) -> None:
    cases = on_a_cpu(claim)
    assert len(cases) < 30
    (item,) = judge(records({each: seconds(each) for each in cases}), tmp_path, claim.id)
    assert item.missing == ()
    assert all(row.headline.is_usable for row in item.rows)


def test_the_reference_and_the_control_pair_are_measured_beside_them() -> None:
    cells = headlines_of(suite.load("claims"), ["layer-axial"]).cells
    there = {cell.case.model for cell in cells}
    assert there == {
        "resnet50_llll",
        "resnet50_axial",
        "resnet50_cccc",
        "vit_small_patch16_224",
        "deit_small_patch16_224",
    }
    mine = [cell.case for cell in cells if cell.case.model == "resnet50_llll"]
    assert {item.backend for item in mine} == {"torch_eager", "jax_jit"}, "on a CPU and a GPU, on a TPU"
    assert {item.layout for item in mine} == {"contiguous"}
    assert not any("key_depth" in dict(item.options) for item in mine)
    assert not any(dict(cell.case.options).get("fold") for cell in cells)


def test_ids_may_be_beginnings_and_all_is_all() -> None:
    wanted = suite.load("claims")
    assert len(headlines_of(wanted, ["hybrid"]).cells) < len(headlines_of(wanted, ["all"]).cells) < len(wanted.cells)
    with pytest.raises(UnknownNameError):
        headlines_of(wanted, ["nope"])


@pytest.mark.parametrize(
    ("name", "id_"), [("claims", "accuracy"), ("claims", "params-b6"), ("kernels-quick", "layer-k8")]
)
def test_a_suite_without_a_case_of_a_claim_says_so(name: str, id_: str) -> None:
    with pytest.raises(RequestError, match=rf"--claim: suite {name} has no case of {id_}"):
        headlines_of(suite.load(name), [id_])
