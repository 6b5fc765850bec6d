"""Who is opened, visited and closed, by a pool of scripted processes."""

import collections
import dataclasses
from collections.abc import Callable, Sequence

from scripted_workers import SAMPLING, Script, job, run_setup

from lambdabench.conduct import Patience, Turn, follow, visited_outcome
from lambdabench.core.record import Noise
from lambdabench.core.spec import Job
from lambdabench.core.visit_protocol import Asked
from lambdabench.launch.workers import Key


def visits(turns: list[Turn]) -> dict[str, list[int]]:
    """Rounds in which each case was visited."""
    numbers: dict[str, list[int]] = collections.defaultdict(list)
    for turn in turns:
        if turn.visit is not None:
            numbers[turn.job.case_id].append(turn.visit.round)
    return numbers


def test_every_case_is_visited_once_a_round_in_three_processes() -> None:
    script = Script()
    turns = list(follow([job("a"), job("b"), job("c")], run_setup(script)))
    assert visits(turns) == {name: list(range(1, 10)) for name in "abc"}
    assert script.started == 9
    stays = [
        stay.job.job_id
        for case_state in {id(turn.standing): turn.standing for turn in turns}.values()
        for stay in case_state.stays
    ]
    assert sorted(stays) == [f"{name}-{number}" for name in "abc" for number in range(3)]
    orders = ["".join(name[0] for what, name in script.asked[start : start + 3]) for start in range(3, 12, 3)]
    assert len(set(orders)) > 1


def test_a_stay_is_told_by_the_timed_calls_of_its_visits() -> None:
    turns = list(follow([job("a")], run_setup(Script())))
    outcome = visited_outcome(turns[-1].standing.stays[-1])
    (latency,) = [measurement for measurement in outcome.measurements if measurement.metric == "latency"]
    assert latency.samples == (0.02,) * 12
    assert latency.value == 0.02
    assert latency.visit_values == (0.02,) * 3
    assert [visit.round for visit in outcome.visits] == [7, 8, 9]
    assert turns[-1].standing.is_done


def test_nothing_begins_after_the_end() -> None:
    script = Script()
    turns = list(follow([job("a"), job("b")], run_setup(script, end_s=2.1)))  # half a second each
    assert [what for what, _ in script.asked] == ["open", "open", "visit", "visit", "close", "close"]
    assert not [turn for turn in turns if turn.ended is not None]


def test_what_there_is_no_time_to_visit_is_not_opened_and_skipped() -> None:
    """Whatever opening takes, what is opened is visited."""
    script = Script()
    jobs = [job(name, open_s=0.5, visit_s=0.5) for name in "abcdefgh"]
    turns = list(follow(jobs, run_setup(script, end_s=3.9)))
    ended = {turn.job.case_id: turn.ended for turn in turns if turn.ended is not None}
    assert set(visits(turns)) | set(ended) == set("abcdefgh")
    assert len(visits(turns)) >= 3
    assert {outcome.status for outcome in ended.values()} == {"skipped"}
    assert "the budget was spent before its first visit" in next(iter(ended.values())).reason
    script = Script()
    turns = list(follow(jobs, run_setup(script, end_s=0.4)))
    assert set(visits(turns)) == {"a"}, "one is measured whatever it takes"


def test_a_generation_has_its_share_of_a_budget() -> None:
    """Time for three openings and some visits: each process has some."""
    script = Script()
    turns = list(follow([job("a")], run_setup(script, end_s=6.0)))
    assert len(turns[-1].standing.stays) == 3
    assert all(len(stay.visits) >= 1 for stay in turns[-1].standing.stays)


def test_a_run_that_is_drawn_out_makes_fewer_rounds_but_one_in_each_generation() -> None:
    def rounds(aim_s: float) -> list[int]:
        """Visits of each process of a case; each takes half a second, and so does opening and closing it."""
        script = Script()
        turns = list(follow([job("a")], run_setup(script, aim_s=aim_s)))
        return [len(stay.visits) for stay in turns[-1].standing.stays]

    assert rounds(7.5) == [3, 3, 3]
    assert rounds(5.0) == [3, 2, 1]
    assert rounds(0.1) == [1, 1, 1]


def test_a_stop_is_a_stop() -> None:
    script = Script()
    turns = list(follow([job("a"), job("b")], run_setup(script, is_stopped=lambda: True)))
    assert script.asked == []
    assert {turn.ended.reason for turn in turns if turn.ended} == {
        "the run was stopped before its first visit; run again"
    }


def test_a_case_without_timed_metrics_is_opened_and_done() -> None:
    script = Script(step_s=0.0)
    turns = list(follow([job("a")], run_setup(script)))
    assert [what for what, _ in script.asked] == ["open", "close"]
    assert turns[-1].standing.is_done
    assert not [turn for turn in turns if turn.ended is not None]


def test_what_there_is_time_for_after_all_is_begun() -> None:
    script = Script()
    spare = [job(name, open_s=0.5, visit_s=0.5) for name in "bcd"]
    turns = list(follow([job("a")], run_setup(script, spare=spare, end_s=14.0)))
    result = {name: len(rounds) for name, rounds in visits(turns).items()}
    assert result["a"] == 9, "six seconds"
    assert {"b", "c"} <= set(result), "and four of least for two more"
    script = Script()
    assert set(visits(list(follow([job("a")], run_setup(script, spare=spare, end_s=6.5))))) == {"a"}


def test_a_crash_ends_one_case_and_no_other() -> None:
    script = Script(lambda asked, open_: "crash" if asked.what == "visit" and asked.job_id == "b-0" else "")
    turns = list(follow([job("a"), job("b")], run_setup(script)))
    assert [turn.ended.status for turn in turns if turn.ended is not None] == ["crash"]
    assert visits(turns) == {"a": list(range(1, 10))}


def test_a_case_whose_process_was_killed_is_tried_once_more() -> None:
    kills = {"b": 1}

    def fails(asked: Asked, open_: int) -> str:
        name = asked.job_id[0]
        if asked.what == "visit" and kills.get(name, 0):
            kills[name] -= 1
            return "crash"
        return ""

    script = Script(fails, flags=("killed",))
    turns = list(follow([job("a"), job("b")], run_setup(script)))
    assert not [turn for turn in turns if turn.ended is not None]
    assert len(visits(turns)["b"]) >= 9
    kills["b"] = 2
    turns = list(follow([job("a"), job("b")], run_setup(Script(fails, flags=("killed",)))))
    assert [turn.ended.status for turn in turns if turn.ended is not None] == ["crash"]


def test_what_does_not_fit_beside_others_is_tried_beside_fewer_and_then_alone() -> None:
    script = Script(
        lambda asked, open_: "oom" if asked.job_id.startswith("b") and asked.what == "open" and open_ else ""
    )
    turns = list(follow([job("a"), job("b"), job("r")], run_setup(script, reference="r")))
    assert not [turn for turn in turns if turn.ended is not None]
    rounds = visits(turns)
    assert (len(rounds["a"]), len(rounds["b"])) == (9, 9)
    assert [what for what, name in script.asked if name == "b-0"].count("open") == 3


def test_a_visit_that_is_out_of_memory_beside_others_is_not_asked_again_there() -> None:
    failed: list[str] = []

    def fails(asked: Asked, open_: int) -> str:
        if asked.what == "visit" and asked.job_id == "b-0" and not failed:
            failed.append(asked.job_id)
            return "oom"
        assert asked.job_id != "b-0" or not failed, "it was let go"
        return ""

    turns = list(follow([job("a"), job("b")], run_setup(Script(fails))))
    assert not [turn for turn in turns if turn.ended is not None]
    assert len(visits(turns)["b"]) >= 9


def test_cases_of_a_process_that_went_are_opened_again_in_another() -> None:
    """One process for all, as on a device that one owns."""
    script = Script(lambda asked, open_: "timeout" if asked.job_id == "c-0" and asked.what == "open" else "")
    one_process = dataclasses.replace(SAMPLING, processes=1)
    jobs = [job(name, sampling=one_process) for name in "abcd"]
    shared = run_setup(script, key_of=lambda item: (Key(framework="jax", threads=1, forks=False), "all"))
    turns = list(follow(jobs, shared))
    assert [(turn.job.case_id, turn.ended.status) for turn in turns if turn.ended is not None] == [("c", "timeout")]
    assert {name: len(rounds) for name, rounds in visits(turns).items()} == {"a": 9, "b": 9, "d": 9}


def test_a_case_that_does_not_fit_beside_the_reference_alone_is_tried_by_itself() -> None:
    script = Script()
    jobs = [job("r", estimate_bytes=2**20), job("big", estimate_bytes=2**40), job("a", estimate_bytes=2**20)]
    turns = list(follow(jobs, run_setup(script, reference="r", free_bytes=lambda device: 2**30)))
    assert {name: len(rounds) for name, rounds in visits(turns).items()} == {"r": 9, "big": 9, "a": 9}


def test_a_reference_that_fits_alone_only_is_measured_so() -> None:
    script = Script(
        lambda asked, open_: "oom" if asked.job_id.startswith("r") and asked.what == "open" and open_ else ""
    )
    turns = list(follow([job("a"), job("r")], run_setup(script, reference="r")))
    assert {name: len(rounds) for name, rounds in visits(turns).items()} == {"a": 9, "r": 9}
    assert not [turn for turn in turns if turn.ended is not None]


def test_of_several_hosts_none_tries_a_case_again() -> None:
    script = Script(lambda asked, open_: "oom" if asked.job_id.startswith("b") and asked.what == "open" else "")
    turns = list(follow([job("a"), job("b")], run_setup(script, retries=False)))
    assert [(turn.job.case_id, turn.ended.status) for turn in turns if turn.ended is not None] == [("b", "oom")]
    assert sum(name == "b-0" for _, name in script.asked) == 1


def test_a_process_that_is_killed_while_its_neighbours_work_is_tried_again() -> None:
    kills = ["b-0"]

    def fails(asked: Asked, open_: int) -> str:
        return "crash" if asked.what == "close" and asked.job_id in kills and not kills.clear() else ""

    turns = list(follow([job("a"), job("b")], run_setup(Script(fails, flags=("killed",)))))
    assert not [turn for turn in turns if turn.ended is not None]


def test_what_does_not_fit_alone_is_halved_where_it_may_be() -> None:
    script = Script(lambda asked, open_: "oom" if asked.job_id.startswith("b-") and asked.what == "open" else "")
    turns = list(follow([job("a"), job("b", fit="halve")], run_setup(script)))
    ended = [turn.ended for turn in turns if turn.ended is not None]
    assert [(outcome.status, outcome.flags) for outcome in ended] == [("oom", ("halved",))]
    assert {name: len(rounds) for name, rounds in visits(turns).items()} == {"a": 9, "b/2": 9}


def test_cases_that_memory_does_not_hold_together_run_in_heats_within_each_generation() -> None:
    script = Script()
    jobs = [job(name, estimate_bytes=2**30) for name in "abc"]
    room = run_setup(script, free_bytes=lambda device: (3 - script.open) * 2**30)
    turns = list(follow(jobs, room))
    assert {name: len(rounds) for name, rounds in visits(turns).items()} == dict.fromkeys("abc", 9)
    most, now = 0, 0
    for what, _ in script.asked:
        now += {"open": 1, "close": -1}.get(what, 0)
        most = max(most, now)
    assert most == 2


def test_the_reference_is_in_every_heat() -> None:
    script = Script()
    jobs = [job(name, estimate_bytes=2**30) for name in "abc"]
    room = run_setup(script, free_bytes=lambda device: (3 - script.open) * 2**30, reference="b")
    rounds = visits(list(follow(jobs, room)))
    assert [len(rounds[name]) for name in "abc"] == [9, 18, 9]
    assert set(rounds["a"]) | set(rounds["c"]) == set(rounds["b"])
    assert not set(rounds["a"]) & set(rounds["c"])


def test_a_wrong_answer_at_the_end_ends_the_case() -> None:
    script = Script(lambda asked, open_: "mismatch" if asked.what == "close" and asked.job_id == "a-0" else "")
    turns = list(follow([job("a"), job("b")], run_setup(script)))
    assert [turn.ended.status for turn in turns if turn.ended is not None] == ["mismatch"]
    assert len(visits(turns)["a"]) == 3


class Free:
    """Says that processors are free as long as it is asked no more than `times`."""

    def __init__(self, times: int = 1000) -> None:
        self.times, self.asked, self.spent_s = times, 0, 0.0

    def __call__(self, job: Job, is_over: Callable[[], bool]) -> bool:
        self.asked += 1
        return self.asked <= self.times

    def spend(self, seconds: float) -> None:
        self.spent_s += seconds


def test_a_visit_that_others_disturbed_is_made_again_once_they_have_gone() -> None:
    disturbed = [("a", 2), ("a", 2), ("b", 4)]

    def noise(asked: Asked) -> Noise:
        return Noise(cpu_waited=0.4 if _taken(disturbed, (asked.job_id[0], asked.round)) else 0.01)

    settle = Free()
    turns = list(follow([job("a"), job("b")], run_setup(Script(noise=noise), settle=settle)))
    assert visits(turns) == {"a": [1, 2, 2, 2, *range(3, 10)], "b": [1, 2, 3, 4, 4, *range(5, 10)]}
    assert settle.asked == 6 + 3, "before each opening, and after each disturbed visit"
    assert settle.spent_s == 1.5, "of half a second each"
    assert all(turn.standing.visited == 9 for turn in turns[-2:]), "of which each round counts once"


def test_a_machine_that_is_always_shared_is_measured_as_it_is() -> None:
    shared = Script(noise=lambda asked: Noise(cpu_waited=0.4))
    every = {"a": [number for number in range(1, 10) for _ in range(3)]}
    assert visits(list(follow([job("a")], run_setup(shared, settle=Free())))) == every, "twice again at most"
    assert visits(list(follow([job("a")], run_setup(shared, settle=Free(0))))) == {"a": list(range(1, 10))}
    assert visits(list(follow([job("a")], run_setup(shared)))) == {"a": list(range(1, 10))}


def patience(script: Script, *lacking: str, end_s: float = float("inf"), more: Sequence[Job] = ()) -> Patience:
    """What is lacking at each look; then nothing."""
    left = iter(lacking)
    return Patience(end_s=end_s, lacking=lambda: next(left, ""), more=more)


def test_with_patience_further_generations_go_on_until_nothing_is_lacking() -> None:
    script = Script()
    asked = patience(script, "ratios to 4 %, 2 % asked", "ratios to 3 %, 2 % asked")
    turns = list(follow([job("a"), job("b")], run_setup(script, patience=asked)))
    assert visits(turns) == {name: list(range(1, 16)) for name in "ab"}, "nine, and three rounds twice"
    assert script.started == 10, "in processes of their own"
    assert {turn.lacking for turn in turns} == {"", "ratios to 4 %, 2 % asked", "ratios to 3 %, 2 % asked"}
    assert turns[-1].standing.is_done
    assert visits(list(follow([job("a")], run_setup(Script(), patience=patience(script))))) == {"a": list(range(1, 10))}


def test_patience_takes_in_cases_that_were_there_and_ends_with_its_time() -> None:
    script = Script()
    kept = job("k", replicate=3, job_id="k-3")
    asked = patience(script, "much", "still much", end_s=9.0, more=[kept])
    turns = list(follow([], run_setup(script, patience=asked)))
    assert visits(turns) == {"k": [1, 2, 3, 4, 5, 6]}
    assert [name for what, name in script.asked if what == "open"] == ["k-3", "k-4"]
    last = turns[-1].standing
    assert last.is_done, "a plain run would not go on with it"
    assert script.firsts == [False, False], "what does not change was found by its first process"
    script = Script()
    asked = patience(script, "much", end_s=0.9, more=[job("k", open_s=0.5, visit_s=0.5)])
    assert list(follow([], run_setup(script, patience=asked))) == [], "no time for a round"


def test_a_case_that_was_opened_in_a_burst_is_planned_anew() -> None:
    """A step of a second would have had three visits."""
    script = Script(step_s=1.0)

    def noise(asked: Asked) -> Noise:
        script.step_s = 0.02
        return Noise()

    script.noise = noise
    script_turns = list(follow([job("a")], run_setup(script)))
    assert len(visits(script_turns)["a"]) == 9
    assert script_turns[-1].standing.is_done


def _taken(left: list[tuple[str, int]], item: tuple[str, int]) -> bool:
    if item in left:
        left.remove(item)
        return True
    return False
