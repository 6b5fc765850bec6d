"""Who is trained before the rounds, once or not again, and what is kept of it."""

import dataclasses
from collections.abc import Callable

import pytest
from scripted_workers import Script, job, run_setup

from lambdabench.conduct import Turn, follow, outcomes_of
from lambdabench.conduct.training import joined
from lambdabench.core.record import TRAINED, Measurement, Outcome
from lambdabench.core.spec import Job
from lambdabench.core.visit_protocol import Asked


def learner(name: str, seeds: int = 3, **changes: object) -> Job:
    return job(name, seeds=seeds, **changes)


def followed(jobs: list[Job], script: Script, **changes: object) -> list[Turn]:
    return list(follow(jobs, run_setup(script, **changes)))


def test_all_are_trained_before_any_is_opened_each_seed_by_itself_in_one_process() -> None:
    script = Script()
    turns = followed([learner("a"), learner("b"), job("c")], script)
    asked = [what for what, _ in script.asked]
    assert asked[:6] == ["train"] * 6
    assert "train" not in asked[6:]
    assert [name for _, name in script.asked[:6]] == ["a-trained"] * 3 + ["b-trained"] * 3
    assert script.seeds == [0, 1, 2, 0, 1, 2]
    assert script.started == 1 + 9, "one for the trainings, then each case's own in each generation"
    lessons = [turn.training for turn in turns if turn.training[0]]
    assert lessons == [(1, 3), (2, 3), (3, 3)] * 2
    assert script.firsts[:3] == [True] * 3, "memory and counts are those of the first process that is opened"


def test_its_rows_are_of_a_process_of_their_own_with_a_sample_a_seed() -> None:
    *_, last = followed([learner("a")], Script())
    (item, trained), *stays = outcomes_of(last.standing)
    assert (item.replicate, item.metrics, trained.status, trained.flags) == (TRAINED, ("top1",), "ok", ())
    (measurement,) = trained.measurements
    assert measurement.samples == (90.0, 91.0, 92.0)
    assert (measurement.value, measurement.statistic) == (91.0, "mean_share")
    assert measurement.low is not None
    assert measurement.high is not None
    assert measurement.low < 90.1 < 91.9 < measurement.high
    assert measurement.source == "made-up images, 3 trainings"
    assert [each.replicate for each, _ in stays] == [0, 1, 2]


def test_cases_that_differ_in_their_batch_alone_are_trained_once() -> None:
    script, item = Script(), learner("a")
    half = dataclasses.replace(item, case=dataclasses.replace(item.case, batch_size=1), case_id="b", job_id="b-0")
    turns = followed([item, half], script)
    assert script.seeds == [0, 1, 2]
    known = {turn.standing.job.case_id: turn.standing.trained for turn in turns}
    assert {name: stay.opened.job_id for name, stay in known.items() if stay} == {"a": "a-trained", "b": "b-trained"}
    assert len({stay.opened.measurements for stay in known.values() if stay}) == 1


def test_a_case_that_fails_in_training_has_ended_and_no_other() -> None:
    def fails(asked: Asked, _: int) -> str:
        return "crash" if asked.what == "train" and asked.job_id == "a-trained" and asked.seed == 1 else ""

    script = Script(fails)
    turns = followed([learner("a"), learner("b")], script)
    ended = [turn for turn in turns if turn.ended is not None]
    assert [(turn.job.case_id, turn.ended.status) for turn in ended if turn.ended] == [("a", "crash")]
    ((failed, outcome),) = outcomes_of(ended[0].standing)
    assert (failed.replicate, outcome.status, outcome.measurements) == (TRAINED, "crash", ())
    assert script.seeds == [0, 1, 0, 1, 2]
    assert {name for what, name in script.asked if what == "open"} == {"b-0", "b-1", "b-2"}


@pytest.mark.parametrize(
    "end", [lambda script: {"end_s": 1.4}, lambda script: {"is_stopped": lambda: script.now_s > 1.4}]
)
def test_a_case_that_there_is_no_time_to_train_is_skipped_and_what_was_trained_is_kept(
    end: Callable[[Script], dict[str, object]],
) -> None:
    """Each training takes half a second: a budget has one case trained whatever it takes, a stop ends it between two trainings."""
    script = Script()
    turns = followed([learner("a"), learner("b")], script, **end(script))
    standings = {turn.standing.job.case_id: turn.standing for turn in turns}
    assert standings["b"].is_untrained
    assert standings["b"].ended is not None
    assert standings["b"].ended.status == "skipped"
    assert not [name for what, name in script.asked if what == "open" and name.startswith("b")]
    if standings["a"].trained is not None:
        assert next(item.replicate for item, _ in outcomes_of(standings["a"])) == TRAINED
        assert script.seeds == [0, 1, 2]
    else:
        assert len(script.seeds) == 3


def test_spare_cases_are_trained_when_they_are_taken_in() -> None:
    script = Script()
    spare = [learner("b", open_s=0.5, visit_s=0.5, train_s=1.5)]
    followed([job("a")], script, spare=spare, end_s=30.0)
    asked = [(what, name) for what, name in script.asked if name.startswith("b")]
    assert asked[:4] == [("train", "b-trained")] * 3 + [("open", "b-0")]


def test_one_training_is_said_in_the_singular() -> None:
    measured = Measurement(
        metric="top1", unit="%", value=None, samples=(90.0,), loops_per_sample=10, statistic="mean_share", source="x"
    )
    (measurement,) = joined([Outcome(job_id="a", status="ok", measurements=(measured,))]).measurements
    assert measurement.source == "x, 1 training"
