"""Stored sessions: what is expected of the next, whose machine they are of, and when they are too few."""

import dataclasses
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest

from lambdabench.core.errors import LambdabenchError, NotComparableError
from lambdabench.core.gate_protocol import PairOutcome, Rules, Verdict
from lambdabench.core.identity import fingerprint
from lambdabench.core.spec import Environment
from lambdabench.gate import baseline, check
from lambdabench.gate.pair_workers import PACKAGE

RULES = Rules()


def outcome(ratio: float) -> PairOutcome:
    verdict = Verdict(ratio=ratio, low=ratio, high=ratio, tolerance=0.02, finding="unclear")
    return PairOutcome(label="a", verdict=verdict)


def sessions(
    count: int, environment: Environment, seed: int = 0, level: float = 3.0, drift: float = 0.0
) -> list[baseline.Session]:
    source = random.Random(seed)
    facts = {"environment": dataclasses.asdict(environment), "fingerprint": fingerprint(environment)}
    levels = [level * (1 + drift) ** place for place in range(count)]
    return [facts | {"ratios": {"a": level * (1 + source.gauss(0, 0.009))}} for level in levels]


def test_a_session_is_judged_by_those_before(environment: Environment) -> None:
    own = sessions(30, environment)
    for ratio, status in ((3.0, "within"), (3.3, "slower"), (2.7, "faster"), (3.05, "within")):
        baseline_line = baseline._standing(outcome(ratio), own, RULES)
        assert baseline_line.status == status, ratio
        assert baseline_line.change == pytest.approx(ratio / 3.0, rel=0.01)
    assert baseline._standing(outcome(3.3), own[:9], RULES).status == "too few"
    broken = baseline._standing(PairOutcome(label="a", trouble="head", reason="no"), own, RULES)
    assert (broken.status, broken.reason) == ("failed", "head: no")


def test_the_interval_holds_what_comes_next(environment: Environment) -> None:
    """At a spread of 0.9 % between sessions, that of two Xeon cores, 3.7 % is the smallest change that is seen."""
    misses = 0
    for seed in range(200):
        *before, last = sessions(31, environment, seed)
        _, low, high = baseline.predicted([session["ratios"]["a"] for session in before])
        misses += not low <= math.log(last["ratios"]["a"]) <= high
    assert misses <= 2


@pytest.mark.parametrize("count", [10, 11, 30, 64])
def test_one_in_a_thousand_is_above_the_interval(count: int) -> None:
    """Of normal values; Student's t with a degree less than there are values would let 3.6 (n = 10) to 1.5 (n = 64) through."""
    values = np.random.default_rng(count).standard_normal((200_000, count + 1))
    before, last = values[:, :-1], values[:, -1]
    middle = np.median(before, axis=1)
    deviation = np.median(np.abs(before - middle[:, None]), axis=1)
    margin = baseline.factor(count) * deviation
    outside = (np.abs(last - middle) > margin).mean() / 2
    assert outside == pytest.approx(0.00097, abs=0.0002)


def test_an_old_level_hides_no_regression(environment: Environment) -> None:
    old, new = sessions(40, environment), sessions(20, environment, seed=1, level=2.4)
    baseline_line = baseline._standing(outcome(3.0), [*old, *new], RULES)
    assert (baseline_line.status, baseline_line.sessions, baseline_line.reason) == (
        "slower",
        20,
        "the level moved 20 sessions ago",
    )
    assert baseline_line.change == pytest.approx(1.25, rel=0.01)
    for count in (3, 9):
        few = baseline._standing(outcome(3.0), [*old, *new[:count]], RULES)
        reason = f"the level moved {count} sessions ago; 10 sessions are needed"
        assert (few.status, few.sessions, few.reason) == ("too few", count, reason)


def test_unchanged_code_is_not_called_slower(environment: Environment) -> None:
    for seed in range(100):
        *before, last = sessions(10 + seed % 51, environment, seed)
        baseline_line = baseline._standing(outcome(last["ratios"]["a"]), before, RULES)
        assert baseline_line.status in ("within", "too few")
        assert baseline_line.reason == "" or len(before) < baseline.FEWEST, "no level is seen where there is one"


@pytest.mark.parametrize("drift", [0.0005, 0.003, 0.01])
def test_a_slow_drift_is_hardly_ever_an_alarm(environment: Environment, drift: float) -> None:
    """Steep, it leaves no level of ten sessions, which is said; what is far beyond it is seen or left open."""
    alarms, open_ones = 0, 0
    for seed in range(20):
        *before, last = sessions(61, environment, seed, drift=drift)
        baseline_line = baseline._standing(outcome(last["ratios"]["a"]), before, RULES)
        alarms += baseline_line.status in ("slower", "faster")
        open_ones += baseline_line.status == "too few"
        again = baseline._standing(outcome(1.25 * last["ratios"]["a"]), before, RULES)
        assert again.status in ("slower", "too few")
    assert alarms <= 1
    assert open_ones >= {0.0005: 0, 0.003: 5, 0.01: 18}[drift]


def test_another_machine_is_not_compared(environment: Environment) -> None:
    other = dataclasses.replace(environment, cpu="another cpu")
    with pytest.raises(NotComparableError, match="cpu: 'another cpu' there, 'a cpu' here") as exception_info:
        baseline.comparable(sessions(12, other), environment, Path("file"))
    assert exception_info.value.exit_code == 4
    mixed = sessions(3, other) + sessions(2, environment)
    assert len(baseline.comparable(mixed, environment, Path("file"))) == 2


def test_files(tmp_path: Path) -> None:
    with pytest.raises(LambdabenchError, match=r"there is no baseline .*--record makes one"):
        baseline.read(tmp_path / "none", must_exist=True)
    (tmp_path / "bad").write_text("{}\n")
    with pytest.raises(LambdabenchError, match="is no baseline: KeyError"):
        baseline.read(tmp_path / "bad", must_exist=True)


def test_the_path_on_scripted_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A scripted case has no real work in it; the session is measured, stored, and read again."""
    suite = tmp_path / "one.toml"
    suite.write_text(
        'schema = 1\n[defaults]\nbackend = "fake"\ndevice = "fake"\nimage_px = 8\n[[grid]]\nmodel = "a"\noptions = { sleep_s = 0.001 }\n'
    )
    path = tmp_path / "stored" / "base.jsonl"
    request = check.Request(base="", suite=str(suite))
    monkeypatch.setattr(baseline, "SESSION_S", 0.3)
    for count in range(2):
        compared = baseline.run(request, path, lambda stage, pair_outcome: None, keep=True)
        assert [(standing.status, standing.sessions) for standing in compared.standings] == [("too few", count)]
        assert (compared.exit_code(False), compared.exit_code(True)) == (0, 3)
    stored = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(stored) == 2
    assert stored[0]["environment"]["lambdabench"] == ""
    assert (PACKAGE / "gate").is_dir()
