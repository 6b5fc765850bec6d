"""The file of claims: it is read whole, nothing in it is passed over, and the suite measures every condition that it lists."""

import dataclasses
import hashlib
from collections.abc import Iterator

import pytest

from lambdabench import models, plan, suite
from lambdabench.analysis.claim_conditions import Condition, conditions, wanted
from lambdabench.commands._run_types import option_defaults_of
from lambdabench.core.errors import FactError
from lambdabench.core.spec import Case, Device, Environment, Machine, ModelFacts
from lambdabench.facts.claims import FILE, claims, network, read, settings

BACKENDS = {
    "cpu": ("torch_eager", "torch_compile", "jax_jit", "onnxruntime", "openvino"),
    "cuda": ("torch_eager", "torch_compile", "jax_jit"),
    "tpu": ("jax_jit",),
}


def test_its_hash_is_that_of_its_bytes() -> None:
    assert claims().sha256 == hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert claims() == read(FILE.read_bytes())
    assert claims().version == 3


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (b'kind    = "curve"', b'kind    = "guess"', "'guess' is none of"),
        (b'id      = "speedup-b6"', b'id      = "speedup-b7"', "two claims have one id"),
        (b'set     = "training"', b'set     = "nowhere"', "names no set of conditions: 'nowhere'"),
        (b'printed = "4.4"', b'prints = "4.4"', "found the key 'prints' in"),
        (b"version = 3", b"version = one", "cannot be read"),
        (b'curves  = "family"', b'curves  = "families"', "names no curves: 'families'"),
        (b"[rules]", b"\xff[rules]", "cannot be read"),
    ],
)
def test_what_is_wrong_in_it_is_said(before: bytes, after: bytes, said: str) -> None:
    content = FILE.read_bytes().replace(before, after, 1)
    assert content != FILE.read_bytes()
    with pytest.raises(FactError, match=said):
        read(content)


def test_a_condition_has_what_it_does_not_say_of_its_headline() -> None:
    (known,) = [item for item in claims().sets if item.name == "resnet50"]
    first, second, *_ = settings(known, "cpu")
    assert (first.backend, first.dtype, first.batch_size, first.layout, first.fold) == (
        "torch_eager",
        "float32",
        4,
        "contiguous",
        False,
    )
    assert second == dataclasses.replace(first, layout="channels_last")
    assert settings(known, "mps") == ()


def planned(kind: str, environment: Environment) -> list[Case]:
    """The suite's cases on a machine with such a device, in the order in which they are begun."""
    name = {"cpu": "cpu", "cuda": "cuda:0", "tpu": "tpu:0"}[kind]
    device = Device(name=name, title="a device", memory_bytes=2**40, backends=BACKENDS[kind], gemm_flop_per_s=1e12)
    facts = {
        model: ModelFacts(name=model, family="efficientnet", native_px=px)
        for model, px in map(network, claims().curves[0].theirs[0].models)
    }
    known = suite.load("claims")
    request = plan.Request(defaults=option_defaults_of(known))
    made = plan.make(known, Machine(devices=(device,), environment=environment), facts, {}, request)
    return [job.case for job in made.jobs]


def asked(kind: str) -> Iterator[tuple[str, Condition, str, dict[str, object], str]]:
    """(Claim, condition, network, its options, its kernel) of all that claims want on a kind of device."""
    known = claims()
    choosing = {name for name in models.ours() if "kernel" in models.option_defaults(name)}
    for claim in known.claims:
        of_set = known.set_of(claim)
        if of_set is None:
            continue
        sides = [(claim.mine, claim.mine_options), (claim.theirs, claim.theirs_options)]
        if claim.kind == "curve":
            curves = known.curves_of(claim)
            sides = [(curves.mine, {}), *((recipe.models, {}) for recipe in curves.theirs)]
        for condition in conditions(claim, of_set, kind):
            for names, options in sides:
                for item in wanted(names, options, condition, choosing):
                    yield claim.id, condition, item.name, dict(item.options), item.kernel


def has(cases: list[Case], condition: Condition, name: str, options: dict[str, object], kernel: str) -> list[int]:
    """The places of the cases that are asked for; headlines of the least accurate networks of a curve may be none."""
    setting, (model, px) = condition.setting, network(name)
    how = ("fold", "kernel", "drop_rate", "drop_path_rate")
    return [
        place
        for place, item in enumerate(cases)
        if (item.model, item.mode, item.backend, item.dtype, item.layout, item.batch_size)
        == (model, condition.mode, setting.backend, setting.dtype, setting.layout, setting.batch_size)
        and item.image_px == px
        and bool(dict(item.options).get("fold")) == setting.fold
        and {key: value for key, value in item.options if key not in how} == options
        and (dict(item.options).get("kernel", "auto") == kernel or not kernel)
    ]


@pytest.mark.parametrize("kind", ["cpu", "cuda", "tpu"])
def test_the_suite_has_every_headline_and_condition(kind: str, environment: Environment) -> None:
    cases = planned(kind, environment)
    curves = {
        name
        for curve in claims().curves
        for name in (*curve.mine, *(model for side in curve.theirs for model in side.models))
    }
    lacking = [
        (claim, name, condition.setting)
        for claim, condition, name, options, kernel in asked(kind)
        if name not in curves and not has(cases, condition, name, options, kernel)
    ]
    assert lacking == []
    headlines = [
        (claim, name, kernel)
        for claim, condition, name, options, kernel in asked(kind)
        if condition.is_headline
        and not has(cases, condition, name, options, kernel)
        and not name.startswith(("efficientnet_", "vit_"))
    ]
    assert headlines == []


def test_headlines_come_before_other_conditions(environment: Environment) -> None:
    cases = planned("cpu", environment)
    places: dict[bool, list[int]] = {True: [], False: []}
    for _, condition, name, options, kernel in asked("cpu"):
        places[condition.is_headline] += has(cases, condition, name, options, kernel)
    assert max(places[True]) < min(set(places[False]) - set(places[True]))
