"""Cases that are chosen while a run goes are visited beside the reference, each time in a further process."""

from collections.abc import Sequence

from scripted_workers import SAMPLING, Script, job, run_setup

from lambdabench.conduct import Choice, Turn, follow
from lambdabench.conduct.case_state import CaseState
from lambdabench.core.spec import Job

EACH = SAMPLING.rounds // SAMPLING.processes


def choice(*heats: Sequence[Job]) -> Choice:
    """These cases, one heat after the other."""
    left = list(heats)

    def following(standings: Sequence[CaseState]) -> Sequence[Job]:
        return left.pop(0) if left else []

    return Choice(following=following, purpose=lambda: "a race")


def visited(turns: Sequence[Turn]) -> list[str]:
    return [turn.job.job_id for turn in turns if turn.visit is not None]


def test_chosen_cases_are_visited_beside_the_reference_and_again_in_another_process() -> None:
    script = Script()
    heats = choice([job("a"), job("b")], [job("a")])
    turns = list(follow([job("r")], run_setup(script, reference="r", choice=heats)))
    of_heats = [turn for turn in turns if turn.visit is not None and turn.lacking == "a race"]
    assert sorted(set(visited(of_heats))) == ["a-0", "a-1", "b-0", "r-3", "r-4"]
    for name in ("a-0", "a-1", "b-0", "r-3", "r-4"):
        assert visited(of_heats).count(name) == EACH
    rounds: dict[str, set[int]] = {}
    for turn in of_heats:
        rounds.setdefault(turn.job.job_id, set()).add(turn.round)
    assert rounds["a-0"] & rounds["b-0"] & rounds["r-3"]


def test_one_that_failed_is_not_opened_again() -> None:
    script = Script(fails=lambda asked, open_: "unsupported" if asked.what == "open" and asked.job_id == "a-0" else "")
    turns = list(follow([], run_setup(script, choice=choice([job("a"), job("b")], [job("a")]))))
    assert [name for what, name in script.asked if what == "open"] == ["a-0", "b-0"]
    assert {turn.ended.status for turn in turns if turn.ended is not None} == {"unsupported"}


def test_nothing_is_chosen_once_time_is_out() -> None:
    script = Script()
    turns = list(follow([], run_setup(script, end_s=0.6, choice=choice([job("a")], [job("b")], [job("c")]))))
    assert set(visited(turns)) == {"a-0"}
