"""Rates of error on scripted times, where they are known."""

from pathlib import Path

from lambdabench.gate import check, self_test


def test_scripted_times_are_told_apart_as_they_should(tmp_path: Path) -> None:
    suite = tmp_path / "one.toml"
    suite.write_text('schema = 1\n[defaults]\nbackend = "fake"\ndevice = "fake"\nimage_px = 8\n[[grid]]\nmodel = "a"\n')
    tested = self_test.run(check.Request(base="", suite=str(suite)), 1, lambda stage, pair_outcome: None)
    assert [(rate.kind, rate.trials, rate.slower, rate.same) for rate in tested.rates] == [
        ("equal code", 1, 0, 1),
        ("exact +5 %", 1, 1, 0),
        ("real +5 %", 1, 1, 0),
    ]
    assert tested.exit_code == 0


def test_a_machine_that_is_not_fit_is_told(tmp_path: Path) -> None:
    def rate(kind: self_test.Kind, slower: int) -> self_test.Rate:
        return self_test.Rate(kind=kind, trials=20, slower=slower, faster=0, same=0, unclear=20 - slower)

    def code(*counts: int) -> int:
        return self_test.Tested(rates=tuple(map(rate, self_test.KINDS, counts))).exit_code

    assert (code(0, 20, 20), code(1, 20, 20), code(0, 18, 20), code(0, 19, 19)) == (0, 3, 3, 0)
    low, high = rate("equal code", 0).interval
    assert low == 0
    assert 0.15 < high < 0.17
