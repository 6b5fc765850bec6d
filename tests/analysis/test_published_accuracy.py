"""Accuracies join cases by network, size, options and tag; a case without one says why."""

import pandas as pd
import pytest

from lambdabench import report, suite
from lambdabench.analysis import published_accuracy as published
from lambdabench.facts import DEFAULT_WEIGHTS

NATIVE = {"tf_efficientnet_b7": 600, "vit_large_patch16_384": 384, "lambda_resnet152": 288}


def cases(*models: str, **changes: object) -> pd.DataFrame:
    same = {"image_px": 224, "kind": "model", "mode": "inference", "backend": "torch_eager", "options": "{}"}
    return pd.DataFrame({"model": models}).assign(**(same | changes))


def test_every_network_of_the_papers_table_5_has_its_accuracy_with_extra_data() -> None:
    """That of the LambdaResNet is the paper's own, the others' are timm's of the weights that the table compares with."""
    wanted = suite.load("paper-table5")
    asked = [cell.case for cell in wanted.cells]
    assert {case.model: case.image_px for case in asked} == NATIVE
    rows = published.with_accuracy(
        cases(
            *(case.model for case in asked),
            image_px=[case.image_px for case in asked],
            mode=[case.mode for case in asked],
        ),
        wanted.weights,
    )
    frame = rows.drop_duplicates("model").set_index("model")
    assert frame["top1"].to_dict() == {
        "lambda_resnet152": 86.7,
        "tf_efficientnet_b7": 86.85,
        "vit_large_patch16_384": 87.096,
    }
    assert frame["top1_tag"].tolist() == ["paper_pseudo_jft", "ns_jft_in1k", "augreg_in21k_ft_in1k"]
    assert frame["top1_data"].tolist() == ["JFT-300M", "JFT-300M", "ImageNet-21k"]
    assert rows["top1"].notna().all()


@pytest.mark.parametrize(
    "options", ['{"weights":"seeded"}', '{"kernel":"einsum","weights":"seeded"}', '{"fold":true}', '{"drop_rate":0.3}']
)
def test_seeded_weights_kernels_and_folding_do_not_change_an_accuracy(options: str) -> None:
    rows = published.with_accuracy(cases("lambda_resnet152", image_px=288, options=options), ["best"])
    assert rows["top1"].tolist() == [86.7]


def test_top5_is_joined_where_it_is_published() -> None:
    rows = published.with_accuracy(cases("levit_256", "resnet50_llll"), DEFAULT_WEIGHTS)
    assert rows["top1"].tolist() == [81.506, 78.4]
    assert rows["top1_top5"].iloc[0] == 95.466
    assert pd.isna(rows["top1_top5"].iloc[1])


@pytest.mark.parametrize(
    ("changes", "weights", "reason"),
    [
        ({}, DEFAULT_WEIGHTS, None),
        ({"model": "net:make"}, DEFAULT_WEIGHTS, published.NO_NETWORK),
        ({"image_px": 200}, DEFAULT_WEIGHTS, published.NO_SIZE),
        ({"options": '{"num_classes":10}'}, DEFAULT_WEIGHTS, published.NO_OPTIONS),
        ({}, ["paper_pseudo_jft"], published.NO_WEIGHTS),
        ({"mode": "features"}, DEFAULT_WEIGHTS, published.NO_CLASSIFIER),
        ({"kind": "layer"}, DEFAULT_WEIGHTS, published.NO_CLASSIFIER),
    ],
)
def test_a_case_without_an_accuracy_says_why(
    changes: dict[str, object], weights: list[str], reason: str | None
) -> None:
    rows = published.with_accuracy(cases("resnet50").assign(**changes), weights)
    assert rows["top1"].isna().tolist() == [reason is not None]
    assert rows.get("top1_missing", pd.Series([None])).tolist() == [reason]


def test_notes_name_every_network_that_did_not_join_by_its_reason() -> None:
    every = pd.concat(
        [
            cases("resnet50", "levit_256"),
            cases("net:make"),
            cases("resnet18", "resnet34", image_px=200),
            cases("resnet26", options='{"num_classes":10}'),
        ],
        ignore_index=True,
    )
    rows = published.with_accuracy(every, ["a1_in1k"]).assign(
        status="ok",
        reason="",
        batch_size=1,
        device_name="a cpu",
        started_at="2026-01-01",
        dtype="float32",
        threads=1,
        fingerprint="f",
    )
    lines = report.notes(rows, rows[rows["top1"].notna()])
    assert [line for line in lines if line.startswith("Not shown")] == [
        "Not shown, no published accuracy: net:make.",
        "Not shown, no published accuracy at this size, only at others: resnet18, resnet34.",
        "Not shown, no published accuracy of the weights that were asked for, only of others (--weights best): levit_256.",
        "Not shown, no published accuracy with these options, only with others: resnet26.",
    ]
