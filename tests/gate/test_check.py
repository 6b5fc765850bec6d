"""The whole gate on scripted times, and once on real work: what is slower is found and named, what is not is not."""

import dataclasses
from pathlib import Path

import pytest

from lambdabench.core.errors import LambdabenchError
from lambdabench.core.gate_protocol import PairOutcome, Rules
from lambdabench.gate import check
from lambdabench.gate.result import Result

from .conftest import Repository

FAKE = "lambdabench/backends/fake.py"
STEP = 'step_s = self._slowness * float(self._options.get("latency_s", 0.01 * self._case.batch_size))'


def run(repository: Repository, suite: str = "scripted", **changes: object) -> Result:
    request = check.Request(base="main", suite=suite, folder=repository.folder, fresh_s=0.2)
    return check.run(dataclasses.replace(request, **changes), lambda stage, pair_outcome: None)  # pyright: ignore[reportArgumentType]


def statuses(result: Result) -> dict[str, str]:
    return {line.label.split()[0]: line.status for line in result.lines}


def test_equal_code_is_the_same(repository: Repository) -> None:
    result = run(repository)
    assert statuses(result) == {"quick": "same", "slow": "same", "other": "same"}
    assert (result.exit_code, result.compared, result.decided) == (0, 3, 3)
    assert result.controls is not None
    assert result.controls.same.finding == "same"
    assert result.controls.canary.finding == "slower"
    assert result.controls.canary.ratio == pytest.approx(1.1, rel=0.01)


def test_what_is_slower_is_named_and_confirmed_and_nothing_else(repository: Repository) -> None:
    repository.edit(FAKE, STEP, f'{STEP} * (1.05 if self._case.model == "slow" else 1.0)')
    result = run(repository)
    assert statuses(result) == {"quick": "same", "slow": "slower", "other": "same"}
    assert result.exit_code == 1
    (slow,) = [line for line in result.lines if line.status == "slower"]
    assert slow.verdict is not None
    assert slow.verdict.ratio == pytest.approx(1.05, rel=1e-3)
    assert [outcome.verdict.finding for outcome in slow.outcomes if outcome.verdict] == ["slower"] * 10
    assert slow.evidence == "10 processes"
    orders = [[two.swapped for two in outcome.builds] for outcome in slow.outcomes[:3]]
    assert orders == [[False, True, False], [True, False, True], [False, True, False]], "sides made in either order"


def test_what_is_faster_is_no_fault(repository: Repository) -> None:
    repository.edit(FAKE, STEP, f"{STEP} * 0.9")
    result = run(repository)
    assert set(statuses(result).values()) == {"faster"}
    assert result.exit_code == 0


def test_what_fails_on_head_is_red_and_what_base_does_not_know_is_new(repository: Repository) -> None:
    broken = f'{STEP}\n        if self._case.model == "slow":\n            raise ValueError("no such thing")'
    repository.edit(FAKE, STEP, broken)
    result = run(repository)
    assert statuses(result)["slow"] == "failed"
    assert result.exit_code == 1
    repository.commit()
    repository.git("checkout", "--quiet", "-b", "work")
    repository.edit(FAKE, broken, STEP)
    result = run(repository)
    assert statuses(result) == {"quick": "same", "slow": "new", "other": "same"}
    assert result.exit_code == 0


def test_other_outputs_are_no_question_of_speed(repository: Repository) -> None:
    repository.edit(FAKE, 'return "output"', 'return "another"')
    result = run(repository, only="quick*")
    assert statuses(result) == {"quick": "failed"}
    assert "outputs: output: another value" in result.lines[0].evidence
    assert result.exit_code == 1


def test_a_worker_that_dies_costs_one_case(repository: Repository) -> None:
    repository.edit(FAKE, STEP, f'{STEP}\n        if self._case.model == "quick":\n            os._exit(7)')
    result = run(repository)
    assert statuses(result) == {"quick": "failed", "slow": "same", "other": "same"}
    assert result.controls is not None, "the next process brought them"


def test_a_case_that_left_the_suite_is_missed(repository: Repository) -> None:
    repository.edit("suites/scripted.toml", 'model = ["quick", "slow"]', 'model = "quick"')
    result = run(repository)
    assert statuses(result)["slow"] == "gone"
    assert result.exit_code == 1


def test_bad_requests(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(LambdabenchError, match="no case matches 'nobody'; there are 3, such as 'quick 8x8"):
        run(repository, only="nobody")
    (repository.folder / "lambdabench" / "__init__.py").unlink()
    with pytest.raises(LambdabenchError, match=r"head .* holds no package lambdabench.*--pytest PATH"):
        run(repository)


def test_unclear_where_noise_hides_the_answer(repository: Repository) -> None:
    noisy = f"{STEP} * self._random.choice((1.0, 2.0))\n        self._random = random.Random(str(__package__) + str(self._calls))"
    repository.edit(FAKE, STEP, noisy)
    repository.commit()
    result = run(repository, rules=Rules(cap_s=0.3), only="quick*")
    (line,) = result.lines
    assert line.status in ("unclear", "same")
    assert isinstance(line.outcomes[0], PairOutcome)
