"""Which weights anybody may use for anything."""

from collections import Counter

import pytest

from lambdabench.facts import accuracies, is_permissive
from lambdabench.facts.licences import PERMISSIVE


@pytest.mark.parametrize("licence", ["apache-2.0", "Apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0"])
def test_permissive_ones(licence: str) -> None:
    assert is_permissive(licence)


@pytest.mark.parametrize("licence", ["unknown", "", "cc-by-nc-4.0", "seer-license", "apple-amlr", "other", "gemma"])
def test_unknown_missing_and_restricted_ones_are_not(licence: str) -> None:
    assert not is_permissive(licence)


def test_of_timms_published_weights() -> None:
    """Counted a weight, of timm 1.0.31: 1,171 of 1,266 are permissive, 11 of a licence that timm does not know."""
    counts = Counter(
        {
            (accuracy.architecture, accuracy.tag): accuracy.licence for accuracy in accuracies() if accuracy.licence
        }.values()
    )
    assert counts.total() == 1266
    assert {name: counts[name] for name in (*PERMISSIVE, "cc-by-nc-4.0", "unknown")} == {
        "apache-2.0": 991,
        "mit": 128,
        "bsd-3-clause": 49,
        "cc-by-4.0": 3,
        "cc-by-nc-4.0": 45,
        "unknown": 11,
    }
    assert sum(count for name, count in counts.items() if is_permissive(name)) == 1171


def test_what_has_no_published_weights_has_no_licence() -> None:
    assert {accuracy.licence for accuracy in accuracies() if accuracy.source.startswith("arXiv")} == {""}
