"""Bundles of claims: derived again, the same; and every way of changing one is named."""

import io
import json
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from scripted_claims import case, records

from lambdabench import store
from lambdabench.analysis.claim_checks import problems
from lambdabench.commands import bundle_proof
from lambdabench.commands.bundle import identity_defaults, read_bundle, write_bundle
from lambdabench.commands.claims import judge_claims
from lambdabench.core.errors import NothingMeasuredError, StoreError
from lambdabench.core.spec import Case
from lambdabench.facts import claims as facts
from lambdabench.store import bundles

ASKED = ("place", "layer-k8")
CEILING = case("ceiling", 32, batch=1, kind="layer", dim=1024, of="product")
SECONDS: dict[Case, float] = {
    CEILING: 0.02,
    case("resnet50_cccc", 224): 0.10,
    case("resnet50_ccll", 224, kernel="einsum"): 0.20,
    case("resnet50_ccll", 224): 0.11,
    case("resnet50_cccl", 224, kernel="einsum"): 0.101,
    case("resnet50_llll", 224, kernel="einsum"): 0.90,
    case("resnet50_llll", 224, kernel="einsum", key_depth=8): 0.61,
    case("resnet50_llll", 224): 0.15,
    case("vit_small_patch16_224", 224): 0.2,
    case("deit_small_patch16_224", 224): 0.2,
}
FLOPS = {item: 2e9 if item is CEILING else 8e9 for item in SECONDS}
"""100 GFLOP/s at best; 320 by a network would be more than that, but for what Winograd's algorithm saves."""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results"
    folder.mkdir()
    slow = {item: second * (3.0 if item is not CEILING else 1.0) for item, second in SECONDS.items()}
    store.write(records(slow, flops=FLOPS, noise=0.01), folder / "a.parquet")
    return folder


@pytest.fixture
def bundle(results: Path, tmp_path: Path) -> Path:
    path = tmp_path / "z.zip"
    written = write_bundle(judge_claims(results, ids=ASKED), results, path)
    assert written.files == 1
    assert written.rows == len(store.read(results))
    return path


def test_a_bundle_gives_every_figure_again(bundle: Path, results: Path) -> None:
    derived = read_bundle(bundle)
    assert derived.problems == ()
    assert derived.result is not None
    before, after = judge_claims(results, ids=ASKED).judged, derived.result.judged
    assert [(item.claim.id, item.rows) for item in before] == [(item.claim.id, item.rows) for item in after]
    assert {row.finding for item in after for row in item.rows} >= {"replicated", "not measured"}


def test_equal_content_makes_equal_bundles(bundle: Path, results: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    write_bundle(judge_claims(results, ids=ASKED), results, other)
    assert other.read_bytes() == bundle.read_bytes()
    with zipfile.ZipFile(bundle) as archive:
        assert sorted(archive.namelist()) == ["claims.toml", "manifest.json", "rows/0000-a.parquet", "verdicts.json"]
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["claims_version"] == facts.claims().version
    assert len(manifest["claims_sha256"]) == 64
    assert sorted(manifest["sha256"]) == ["claims.toml", "rows/0000-a.parquet", "verdicts.json"]


def test_every_kind_of_change_is_named_and_no_honest_bundle_is(results: Path) -> None:
    tallies = bundle_proof.prove(results, each=1, honest=2, asked=ASKED)
    assert len(tallies) == 15
    assert tallies[0].kind == "honest"
    assert (tallies[0].named, tallies[0].bundles) == (0, 2)
    assert {item.kind: item.named for item in tallies[1:]} == {item.kind: 1 for item in tallies[1:]}
    assert bundle_proof.is_good(tallies)


def test_nothing_computes_faster_than_a_product_of_matrices_did_beside_it(tmp_path: Path) -> None:
    """A network at 2.9 times the rate of the ceiling; what Winograd's algorithm saves, 2.25, is allowed."""
    for factor, count in ((2.9, 1), (2.0, 0)):
        flops = {CEILING: 2e9, case("resnet50_cccc", 224): factor * 1e11 * 0.10 / 4}
        path = tmp_path / "rows.parquet"
        store.write(records({CEILING: 0.02, case("resnet50_cccc", 224): 0.10}, flops=flops, noise=0.001), path)
        named = problems(store.read(path), identity_defaults, ())
        assert [line.partition(":")[0] for line in named] == ["ceiling"] * 3 * count


def test_what_is_no_bundle_is_one_line(tmp_path: Path) -> None:
    for content in (b"", b"PK", b"not a zip"):
        path = tmp_path / "no.zip"
        path.write_bytes(content)
        with pytest.raises(StoreError, match="no bundle of lambdabench claims") as raised:
            read_bundle(path)
        assert "\n" not in str(raised.value)
    with pytest.raises(StoreError, match="no bundle of lambdabench claims"):
        read_bundle(tmp_path / "absent.zip")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("manifest.json", "[]")
    with pytest.raises(StoreError, match="no bundle of lambdabench claims"):
        read_bundle(tmp_path / "other.zip")


def test_nothing_to_bundle_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NothingMeasuredError, match="lambdabench run --suite claims"):
        write_bundle(judge_claims(tmp_path / "none"), tmp_path / "none", tmp_path / "z.zip")
    assert not (tmp_path / "z.zip").exists()


def test_a_bundle_of_other_rules_is_stale(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = facts.claims().version
    now, later = (f"\nversion = {number}\n".encode() for number in (version, version + 1))
    newer = facts.read(facts.FILE.read_bytes().replace(now, later))
    monkeypatch.setattr(facts, "claims", lambda: newer)
    problems = read_bundle(bundle).problems
    words = f"rules: it was judged by version {version} of the claims, and this is version {version + 1}"
    assert problems[0].startswith(words)


@pytest.mark.parametrize("kind", ["slow calls left out", "one of two metrics of the same calls"])
def test_a_forger_of_processes_with_few_calls_writes_lists(kind: str, results: Path) -> None:
    """pandas stores an array of one number as a number."""

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows["samples"] = [None if samples is None else list(samples[:1]) for samples in rows["samples"]]
        return bundle_proof.CHANGES[kind](rows, random.Random(0))

    (file,) = results.rglob("*.parquet")
    after = pq.read_table(io.BytesIO(bundles.changed_rows(file.read_bytes(), change)), columns=["samples"])
    assert max(len(samples) for samples in after["samples"].to_pylist() if samples is not None) == 1


def test_it_takes_no_framework(bundle: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lambdabench.commands.bundle import read_bundle; "
        f"print(read_bundle(Path({str(bundle)!r})).problems, {{'torch', 'jax'}} & {{*sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "() set()"
