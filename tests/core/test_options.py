"""What tells cases apart is told, what they have alike is not."""

from lambdabench.core.options import differing, phrase, shared


def test_options_differ_by_value_or_by_being_there_within_a_model() -> None:
    first, second = {"dim": 64, "kernel": "cpu", "scope": 7}, {"dim": 64, "kernel": "cpu", "scope": 23}
    assert differing([("a", first), ("a", second)]) == ("scope",)
    assert differing([("a", first), ("a", {"dim": 64, "kernel": "cpu"})]) == ("scope",)
    assert differing([("a", first), ("b", {"dim": 64})]) == (), "the model tells it"
    assert differing([]) == ()
    assert shared([first, second]) == ("dim", "kernel")
    assert shared([first, {}]) == ()


def test_a_phrase_names_keys_and_values() -> None:
    assert phrase({"scope": 7, "fold": True}, ("fold", "kernel", "scope")) == "fold=true scope=7"
