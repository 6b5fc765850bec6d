"""What weights saw is read off their tag, and a tag that nobody explained is never ImageNet-1k alone."""

import re

import pytest

from lambdabench.core.errors import FactError
from lambdabench.facts import DEFAULT_WEIGHTS, accuracies, chosen, paper_figures
from lambdabench.facts.paper import EPOCHS
from lambdabench.facts.tags import beyond, seen

CLIP = "OpenAI's 400 M pairs of CLIP"


def more_data(architecture: str, tag: str) -> str:
    what = seen(architecture, tag)
    return beyond(what.data, what.taught_by)


@pytest.mark.parametrize(
    ("architecture", "tag", "data"),
    [
        ("regnety_1280", "swag_ft_in1k", "Instagram-3.6B (SWAG)"),
        ("regnety_160", "swag_lc_in1k", "Instagram-3.6B (SWAG)"),
        ("regnety_2560", "seer_ft_in1k", "Instagram-1B, unlabelled (SEER)"),
        ("eva_giant_patch14_224", "clip_ft_in1k", "LAION-400M"),
        ("convnext_base", "clip_laiona_augreg_ft_in1k_384", "LAION-Aesthetic-900M"),
        ("convnext_large_mlp", "clip_laion2b_soup_ft_in12k_in1k_320", "LAION-2B, ImageNet-12k"),
        ("vit_so400m_patch14_siglip_378", "webli_ft_in1k", "WebLI"),
        ("eva_giant_patch14_336", "m30m_ft_in22k_in1k", "Merged-30M, ImageNet-22k"),
        ("vit_base_patch16_clip_224", "openai_ft_in12k_in1k", f"{CLIP}, ImageNet-12k"),
        ("tf_efficientnet_b7", "ns_jft_in1k", "JFT-300M"),
        ("lambda_resnet152", "paper_pseudo_jft", "JFT-300M"),
        ("hiera_base_224", "mae_in1k_ft_in1k", ""),
        ("convnextv2_base", "fcmae_ft_in1k", ""),
        ("levit_256", "fb_dist_in1k", ""),  # by a RegNetY of ImageNet-1k
        ("repvit_m1_0", "dist_300e_in1k", ""),
        ("flexivit_base", "1200ep_in1k", ""),
        ("mobilenetv4_conv_small", "e1200_r224_in1k", ""),
    ],
)
def test_the_data_beyond_imagenet_1k_is_read_off_the_tag(architecture: str, tag: str, data: str) -> None:
    assert more_data(architecture, tag) == data


@pytest.mark.parametrize(
    ("architecture", "tag", "data"),
    [
        ("beitv2_base_patch16_224", "in1k_ft_in1k", f"taught by a network of {CLIP}"),
        ("beitv2_large_patch16_224", "in1k_ft_in22k_in1k", f"ImageNet-22k, taught by a network of {CLIP}"),
        ("resnetv2_50x1_bit", "goog_distilled_in1k", "taught by a network of ImageNet-21k"),
        ("edgenext_small", "usi_in1k", "taught by a network of ImageNet-21k"),
        ("resmlp_24_224", "fb_distilled_in1k", ""),
        ("resnetv2_50x1_bit", "goog_in21k_ft_in1k", "ImageNet-21k"),
    ],
)
def test_what_a_teacher_saw_counts_as_seen(architecture: str, tag: str, data: str) -> None:
    assert more_data(architecture, tag) == data


def test_every_tag_of_the_facts_is_explained() -> None:
    alone = {accuracy.architecture for accuracy in accuracies() if not accuracy.more_data}
    assert {"resnet50", "lambda_resnet50", "resnet_rs50"} <= alone
    assert (
        "taught" in next(accuracy for accuracy in accuracies() if accuracy.architecture.startswith("beitv2")).more_data
    )


@pytest.mark.parametrize("tag", ["newset_ft_in1k", "a1_in2k", "", "in1k_jft9b", "2x_in1k"])
def test_a_part_that_nobody_explained_is_an_error_and_never_imagenet_alone(tag: str) -> None:
    with pytest.raises(FactError, match=rf"in the tag resnet50\.{re.escape(tag)}, expected a part that facts/tags\.py"):
        more_data("resnet50", tag)


def test_weights_taught_by_more_data_are_not_chosen_as_imagenet_1k_alone() -> None:
    of_beit = [accuracy for accuracy in accuracies() if accuracy.architecture == "beitv2_base_patch16_224"]
    assert [fact.value for fact in chosen(of_beit, ["best"])] == [86.494]
    assert chosen(of_beit, DEFAULT_WEIGHTS) == []


def test_a_tag_names_the_epochs_that_its_table_prints() -> None:
    """Of every accuracy that the paper prints, where it says how long it trained."""
    printed = {
        (
            paper_figure.table,
            paper_figure.model,
            paper_figure.image_px,
            paper_figure.value,
            paper_figure.options,
        ): paper_figure
        for paper_figure in paper_figures()
    }
    name = 0
    for accuracy in accuracies():
        table = accuracy.source.removeprefix("arXiv 2102.08602, ")
        row = printed.get((table, accuracy.architecture, accuracy.eval_px, accuracy.value, accuracy.options))
        epochs = EPOCHS.search(row.conditions) if row is not None and row.metric == "top1" else None
        if row is not None and epochs is not None:
            name += 1
            assert f"_{epochs[1]}_epochs" in accuracy.tag, (accuracy, row)
            assert accuracy.tag.startswith("quoted") == row.conditions.startswith("quoted"), (accuracy, row)
    assert name > 40


def test_local_attention_was_trained_for_130_epochs_by_others() -> None:
    (fact,) = [accuracy for accuracy in accuracies() if accuracy.architecture == "resnet50_local"]
    assert (fact.tag, fact.value) == ("quoted_130_epochs", 77.4)


def test_tables_agree_on_how_long_one_accuracy_was_trained() -> None:
    """Table 4 repeats accuracies of Table 3, quoted ones too."""
    result: dict[tuple[object, ...], set[tuple[bool, str]]] = {}
    for paper_figure in paper_figures():
        epochs = EPOCHS.search(paper_figure.conditions)
        if paper_figure.metric == "top1" and paper_figure.model and epochs is not None:
            key = (paper_figure.model, paper_figure.options, paper_figure.image_px, paper_figure.value)
            result.setdefault(key, set()).add((paper_figure.conditions.startswith("quoted"), epochs[1]))
    assert {key: ways for key, ways in result.items() if len(ways) > 1} == {}
