"""The paper's claims on scripted rows: what a headline says, what counts among conditions, and that no ratio is of two conditions."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scripted_claims import ENVIRONMENT, case, records

from lambdabench import store
from lambdabench.analysis.claim_accuracy import accuracy_asked, needed, paper_ratio, top1
from lambdabench.analysis.claim_conditions import machines
from lambdabench.analysis.claims import Judged, Row, judged
from lambdabench.commands.claims import NOBODY, answers_in, bench_of
from lambdabench.core.record import Record
from lambdabench.core.spec import Case
from lambdabench.facts.claims import Claim, Fault, claims, network


def judge(rows: list[Record], folder: Path, *ids: str) -> tuple[Judged, ...]:
    store.write(rows, folder / "a.parquet")
    newest = store.newest(store.read(folder))
    cases = answers_in(newest)
    return judged(claims(), bench_of(newest, cases), machines(cases)[0], ids)


def row(item: Judged, kernel: str = "paper's", recipe: str = "") -> Row:
    return next(row for row in item.rows if (row.kernel, row.recipe) == (kernel, recipe))


PLACES: Mapping[Case, float] = {
    case("resnet50_cccc", 224): 0.10,
    case("resnet50_ccll", 224, kernel="einsum"): 0.20,
    case("resnet50_ccll", 224): 0.11,
    case("resnet50_llll", 224, kernel="einsum"): 0.90,
    case("resnet50_llll", 224): 0.15,
}


@pytest.mark.parametrize(
    "claim", [claim for claim in claims().claims if claim.kind != "training"], ids=lambda claim: claim.id
)
def test_the_papers_own_figures_give_what_a_claim_quotes(claim: Claim) -> None:
    ratio = paper_ratio(claim, claims())
    assert ratio is not None
    assert ratio.value == pytest.approx(claim.quoted, rel=0.03 if claim.id == "speedup-b6" else 0.005)


def test_speed_ups_of_the_paper_at_each_accuracy() -> None:
    """B7 3.157 (printed 3.2), B6 4.52 along the logarithm (printed 4.4) and [2.7, 6.1] with accuracies' errors, B1 to B4 1.69 to 2.14."""
    ratios = {claim.id: paper_ratio(claim, claims()) for claim in claims().claims if claim.kind == "curve"}
    assert {name: round(ratio.value, 2) for name, ratio in ratios.items() if ratio} == {
        "speedup-b7": 3.16, "speedup-b6": 4.52, "speedup-small": 1.87, "speedup-rs-se": 2.01,
    }  # fmt: skip
    largest = ratios["speedup-b6"]
    assert largest is not None
    assert largest.both == pytest.approx((2.7, 6.1), rel=0.06)
    assert largest.speed == pytest.approx((4.49, 4.55), abs=0.01)


def test_the_papers_layer_and_ours_are_rows_of_their_own(tmp_path: Path) -> None:
    """4.29 is claimed: 4.5 here with the paper's layer, 1.36 with ours."""
    (item,) = judge(records(PLACES), tmp_path, "place-c4c5")
    papers, ours = row(item), row(item, "ours")
    assert papers.headline.value == pytest.approx(4.5, rel=0.05)
    assert ours.headline.value == pytest.approx(15 / 11, rel=0.05)
    assert (papers.finding, ours.finding) == ("replicated", "partly")
    assert papers.headline.interval is not None
    assert papers.headline.interval[0] < papers.headline.value < papers.headline.interval[1]


def test_what_was_not_run_or_failed_counts_among_the_conditions(tmp_path: Path) -> None:
    folded = {
        case("resnet50_ccll", 224, kernel="einsum", fold=True): 0.15,
        case("resnet50_llll", 224, kernel="einsum", fold=True): 0.75,
    }
    failed = [case("resnet50_llll", 224, kernel="einsum", layout="channels_last")]
    folded[case("resnet50_ccll", 224, kernel="einsum", layout="channels_last")] = 0.1
    (item,) = judge(records({**PLACES, **folded}, failed=failed), tmp_path, "place-c4c5")
    papers = row(item)
    assert (papers.reached, len(papers.tested)) == (3, 12)
    statuses = [tested.status for tested in papers.tested]
    assert (statuses.count("ok"), statuses.count("failed"), statuses.count("not run")) == (3, 1, 8)
    assert papers.worst is papers.headline
    reason = next(tested.reason for tested in papers.tested if tested.status == "failed")
    assert reason == "resnet50_llll@224: oom: no memory left"


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 1},
        {"dtype": "bfloat16"},
        {"layout": "channels_last"},
        {"threads": 1},
        {"fold": True},
        {"mode": "train"},
        {"backend": "torch_compile"},
    ],
    ids=str,
)
def test_no_ratio_is_of_two_conditions(change: dict[str, object], tmp_path: Path) -> None:
    seconds = {
        case("resnet50_ccll", 224, kernel="einsum"): 0.2,
        case("resnet50_llll", 224, kernel="einsum", **change): 0.9,
    }  # pyright: ignore[reportArgumentType]
    (item,) = judge(records(seconds), tmp_path, "place-c4c5")
    assert [tested.value for line in item.rows for tested in line.tested] == [None] * 24
    assert row(item).finding == "not measured"
    assert row(item).headline.missing == ("resnet50_llll@224",)


def test_no_ratio_is_of_two_environments(tmp_path: Path) -> None:
    first, second = list(PLACES)[1], list(PLACES)[3]
    other = dataclasses.replace(ENVIRONMENT, versions=(("torch", "2.16.0"),))
    rows = [*records({first: 0.2}), *records({second: 0.9}, environment=other, run_id="20260102T000000Z-abcd")]
    (item,) = judge(rows, tmp_path, "place-c4c5")
    assert row(item).headline.value is None


def family(factor: float, kernel: str | None = "einsum") -> dict[Case, float]:
    """Every network of the family's headline, EfficientNets `factor` times as slow as LambdaResNets of their accuracy; EfficientNets of
    today take what the one of their size does."""
    known = claims()
    curves = {item.name: item for item in known.curves}["family"]
    own = {} if kernel is None else {"kernel": kernel}
    mine = {name: 0.001 * math.exp(0.5 * place) for place, name in enumerate(curves.mine)}
    seconds = {case(*network(name), batch=1, mode="train", **own): second for name, second in mine.items()}  # pyright: ignore[reportArgumentType]
    points = sorted((top1(name, ("paper",)) or 0.0, second) for name, second in mine.items())
    for name in curves.theirs[0].models:
        percent = top1(name, ("paper",)) or 0.0
        middle = float(
            np.exp(np.interp(percent, [point[0] for point in points], np.log([point[1] for point in points])))
        )
        seconds[case(*network(name), batch=1, mode="train")] = factor * middle
    return seconds


def test_speed_at_equal_accuracy_is_capped_where_accuracy_is_quoted(tmp_path: Path) -> None:
    items = {
        item.claim.id: item
        for item in judge(records(family(3.5)), tmp_path, "speedup-b7", "speedup-b6", "speedup-small")
    }
    lines = {name: row(item, recipe="the paper's") for name, item in items.items()}
    assert {name: line.finding for name, line in lines.items()} == {
        "speedup-b7": "speed replicated", "speedup-b6": "speed replicated", "speedup-small": "speed replicated",
    }  # fmt: skip
    assert [line.headline.value for line in lines.values()] == pytest.approx([3.5] * 3, rel=0.05)
    largest = lines["speedup-b6"].headline
    assert largest.interval is not None
    assert largest.both is not None
    assert largest.both[0] < largest.interval[0] < largest.interval[1] < largest.both[1]
    assert lines["speedup-b6"].reached == 0, "4.4 is not reached by 3.5, though it replicates"


def test_a_curve_needs_the_networks_between_which_a_claim_lies(tmp_path: Path) -> None:
    known = claims()
    claim = next(claim for claim in known.claims if claim.id == "speedup-b6")
    curves = known.curves_of(claim)
    at = accuracy_asked(claim, curves)
    assert at == (84.0,)
    assert needed(curves.mine, curves.weights, at) == ("lambda_resnet152@256", "lambda_resnet270@256")
    assert needed(curves.theirs[1].models, curves.theirs[1].weights, at) == (
        "tf_efficientnet_b4@380",
        "tf_efficientnet_b5@456",
    )
    assert needed(curves.mine, curves.weights, (99.0,)) == ()
    seconds = {item: second for item, second in family(3.0).items() if item.model != "lambda_resnet270"}
    (item,) = judge(records(seconds), tmp_path, "speedup-b6")
    assert row(item, recipe="the paper's").headline.missing == ("lambda_resnet270@256",)


def test_what_is_known_too_little_is_unclear_and_says_how_many_processes_it_takes(tmp_path: Path) -> None:
    (item,) = judge(records(PLACES, noise=0.15), tmp_path, "place-cost")
    assert row(item).finding == "unclear"
    assert item.lacking >= row(item).lacking > 0


def test_sizes_need_no_clock(tmp_path: Path) -> None:
    items = {item.claim.id: item.rows[0] for item in judge(records(PLACES), tmp_path) if item.claim.kind == "count"}
    assert {name: line.finding for name, line in items.items()} == {
        "memory-axial": "replicated", "params-b6": "replicated", "flops-b6": "contradicted",
        "mobile-params": "replicated", "mobile-flops": "replicated",
    }  # fmt: skip
    assert items["flops-b6"].headline.value == pytest.approx(38 / 39.6)


def test_a_listed_fault_never_headlines(tmp_path: Path) -> None:
    fault = Fault(
        library="torch",
        versions=("2.15",),
        device="cpu",
        models=("resnet50_llll",),
        says="slow",
        source="https://example.org",
    )
    known = dataclasses.replace(claims(), faults=(fault,))
    store.write(records(PLACES), tmp_path / "a.parquet")
    newest = store.newest(store.read(tmp_path))
    cases = answers_in(newest)
    (item,) = judged(known, bench_of(newest, cases), machines(cases)[0], ("place-c4c5",))
    assert row(item).headline.fault == fault
    assert row(item).finding == "unclear"


def test_nothing_measured_is_not_measured() -> None:
    empty = store.newest(store.read([]))
    items = judged(claims(), bench_of(empty, answers_in(empty)), NOBODY)
    assert {line.finding for item in items for line in item.rows if item.claim.kind in ("curve", "ratio")} == {
        "not measured"
    }
    assert machines(pd.DataFrame()) == ()


def test_the_best_of_each_is_chosen_in_one_process_and_told_from_the_others(tmp_path: Path) -> None:
    """Mine is fastest folded, theirs with channels last: 0.90 / 0.15. The time that a condition was chosen by is in no ratio."""
    changes: dict[str, dict[str, object]] = {"mine": {"fold": True}, "theirs": {"layout": "channels_last"}}
    seconds = dict(PLACES)
    for change, factors in ((changes["mine"], (0.75, 1.1)), (changes["theirs"], (1.2, 0.9))):
        for name, before, factor in (("resnet50_ccll", 0.20, factors[0]), ("resnet50_llll", 1.0, factors[1])):
            seconds[case(name, 224, kernel="einsum", **change)] = before * factor  # pyright: ignore[reportArgumentType]
    (item,) = judge(records(seconds), tmp_path, "place-c4c5")
    best = row(item).tested[-1]
    assert best.value == pytest.approx(0.90 / 0.15, rel=0.04)
    assert best.processes == 2
    assert row(item).headline.processes == 3
    alone = judge(records(PLACES), tmp_path, "place-c4c5")[0]
    assert row(alone).tested[-1].reason == "under 2 conditions to choose from"


def test_a_device_of_which_no_condition_is_listed_says_so(tmp_path: Path) -> None:
    seconds = {case("resnet50_cccc", 224, device="mps"): 0.1}
    (item,) = judge(records(seconds), tmp_path, "place-cost")
    assert (item.rows[0].finding, item.rows[0].headline.reason) == (
        "not measured", "no condition is listed for mps; there are some for cpu, cuda, tpu",
    )  # fmt: skip
