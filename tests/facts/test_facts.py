"""Published accuracies are facts with sources, read when something asks for them."""

import subprocess
import sys
import time

import pytest

from lambdabench import facts
from lambdabench.facts import SOURCES, Fact, accuracies, chosen, weight_names, weights

LOAD_S = 0.03
OPENED = """
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
from typer.testing import CliRunner
from lambdabench.cli.app import app
assert CliRunner().invoke(app, ["--help"]).exit_code == 0
before = [one for one in opened if one.endswith(".csv")]
from lambdabench.facts import accuracies
accuracies()
print(before, any(one.endswith("timm.csv") for one in opened))
"""
LIFTED = frozenset([
    "regnety_160.swag_ft_in1k", "regnety_160.swag_lc_in1k", "regnety_320.swag_ft_in1k", "regnety_320.swag_lc_in1k",
    "regnety_1280.swag_ft_in1k", "regnety_1280.swag_lc_in1k", "regnety_320.seer_ft_in1k", "regnety_640.seer_ft_in1k",
    "regnety_1280.seer_ft_in1k", "regnety_2560.seer_ft_in1k", "eva_giant_patch14_224.clip_ft_in1k",
    "eva_giant_patch14_336.clip_ft_in1k", "convnext_base.clip_laiona_augreg_ft_in1k_384",
    "vit_so400m_patch14_siglip_378.webli_ft_in1k", "vit_so400m_patch14_siglip_gap_378.webli_ft_in1k",
])  # fmt: skip
"""Trained on more, though no part of their tags names a version of ImageNet beyond 1k."""
TAUGHT = frozenset([
    "beitv2_base_patch16_224.in1k_ft_in1k", "beitv2_large_patch16_224.in1k_ft_in1k",
    "resnetv2_50x1_bit.goog_distilled_in1k", "edgenext_base.usi_in1k", "edgenext_small.usi_in1k",
])  # fmt: skip
"""Trained on ImageNet-1k alone, by what saw more."""


def test_every_accuracy_names_a_known_source_and_is_a_percentage() -> None:
    for accuracy in accuracies():
        assert accuracy.source in SOURCES
        assert 40 < accuracy.value < 95
        assert accuracy.images == 50_000
        assert 96 <= accuracy.eval_px <= 1024
        assert accuracy.top5 is None or accuracy.value < accuracy.top5 < 100


def test_no_fact_stands_twice() -> None:
    keys = [
        (accuracy.architecture, accuracy.tag, accuracy.eval_px, accuracy.crop, accuracy.options)
        for accuracy in accuracies()
    ]
    assert len(keys) == len(set(keys))


def test_every_published_weight_of_timm_is_there() -> None:
    of_timm = [accuracy for accuracy in accuracies() if accuracy.source == weights.SOURCE]
    assert len(of_timm) == 1556
    assert len({(fact.architecture, fact.tag) for fact in of_timm}) == 1266
    assert len({fact.architecture for fact in of_timm}) == 900
    assert [(fact.architecture, fact.tag, fact.eval_px) for fact in of_timm] == sorted(
        (fact.architecture, fact.tag, fact.eval_px) for fact in of_timm
    )
    assert all(fact.top5 and fact.parameters and fact.licence and fact.crop and fact.interpolation for fact in of_timm)


def named(fact: Fact) -> str:
    return f"{fact.architecture}.{fact.tag}"


def test_weights_that_saw_more_do_not_count_as_imagenet_1k_alone() -> None:
    saw_more = {named(accuracy): accuracy for accuracy in accuracies() if accuracy.more_data}
    assert saw_more.keys() >= LIFTED | TAUGHT
    assert all(saw_more[name].data and not saw_more[name].taught_by for name in LIFTED)
    assert all(saw_more[name].taught_by and not saw_more[name].data for name in TAUGHT)
    assert {named(accuracy) for accuracy in accuracies() if accuracy.taught_by and not accuracy.data} == TAUGHT
    for name in LIFTED | TAUGHT:
        same = [accuracy for accuracy in accuracies() if named(accuracy) == name]
        assert chosen(same, ["imagenet-1k"]) == []
        assert len(chosen(same, ["best"])) == 1


def test_the_best_of_a_network_is_chosen_by_its_data_or_by_its_tag() -> None:
    of_b7 = [
        accuracy
        for accuracy in accuracies()
        if (accuracy.architecture, accuracy.eval_px) == ("tf_efficientnet_b7", 600)
    ]
    assert [fact.tag for fact in chosen(of_b7, ["imagenet-1k"])] == ["ap_in1k"]
    assert [fact.tag for fact in chosen(of_b7, ["best"])] == ["ns_jft_in1k"]
    assert [fact.tag for fact in chosen(of_b7, ["no_such", "aa_in1k", "best"])] == ["aa_in1k"]
    assert [fact.value for fact in chosen(of_b7, ["all"])] == sorted((fact.value for fact in of_b7), reverse=True)
    assert chosen(of_b7, ["no_such"]) == []
    assert weight_names() >= {"imagenet-1k", "best", "all", "ns_jft_in1k", "paper_pseudo_jft", "a1_in1k"}


@pytest.mark.parametrize(
    ("depth", "px", "top1"),
    [(50, 128, 82.1), (50, 160, 83.4), (101, 160, 84.7), (101, 192, 85.4), (152, 192, 86.1), (152, 224, 86.5), (152, 288, 86.7)],
)  # fmt: skip
def test_the_papers_accuracies_with_pseudo_labels(depth: int, px: int, top1: float) -> None:
    """Table 19 of arXiv 2102.08602, all of its column."""
    pseudo = {
        (accuracy.architecture, accuracy.eval_px): accuracy
        for accuracy in accuracies()
        if accuracy.tag == "paper_pseudo_jft"
    }
    assert len(pseudo) == 7
    fact = pseudo[f"lambda_resnet{depth}", px]
    assert (fact.value, fact.data, fact.source) == (top1, "JFT-300M", "arXiv 2102.08602, Table 19")


def test_reading_them_is_quick() -> None:
    """The time of this thread alone, the least of ten."""
    taken: list[float] = []
    for _ in range(10):
        facts.accuracies.cache_clear()
        begun = time.thread_time()
        assert len(accuracies()) > 1600
        taken.append(time.thread_time() - begun)
    assert min(taken) < LOAD_S


def test_help_reads_none_of_them() -> None:
    completed = subprocess.run([sys.executable, "-c", OPENED], capture_output=True, text=True, check=True, timeout=120)
    assert completed.stdout.strip() == "[] True"
