"""Published accuracies are facts with sources."""

from lambdabench.facts import SOURCES, accuracies


def test_every_accuracy_names_a_known_source_and_is_a_percentage() -> None:
    assert len(accuracies()) > 100
    for one in accuracies():
        assert one.source in SOURCES
        assert 40 < one.value < 95
        assert one.images == 50_000
        assert 96 <= one.eval_px <= 1024


def test_no_fact_stands_twice() -> None:
    keys = [(one.architecture, one.tag, one.eval_px, one.crop, one.options) for one in accuracies()]
    assert len(keys) == len(set(keys))
