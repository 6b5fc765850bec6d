"""Shares looked after in virtual time: what fails goes on elsewhere, nothing is lost or counted twice, and who lies is named."""

from collections.abc import Collection
from pathlib import Path

import pytest
from simulated_fleet import SimulatedEngine, World, covered, problems, simulate

from lambdabench.conduct import fleet as looking_after
from lambdabench.conduct import fleet_folder
from lambdabench.conduct.fleet import ATTEMPTS, CANCELLED, Clock, ShareState
from lambdabench.core.errors import RequestError, StoreError, UnknownNameError
from lambdabench.core.fleet import Began, Ended, Fleet, Look, Lost, Node, Share, Submitted, Task


def test_many_nodes_that_fail_straggle_and_lie(tmp_path: Path) -> None:
    outcome = simulate(World(nodes=48, kinds=4, failing=0.1, straggling=0.05, lying=0.05, seed=1), tmp_path)
    assert all(state.standing == "done" for state in outcome.states)
    assert any(attempt.lost for state in outcome.states for attempt in state.attempts)
    assert problems(outcome) == []
    assert outcome.named == outcome.engine.liars & outcome.used != set()
    held, count = covered(outcome)
    assert held / count > 0.85
    assert any("others of its kind took" in text for text in outcome.told)


class Scripted:
    """An engine of one node whose attempts do what a script says: "ok", "gone", or an exit code."""

    def __init__(self, *script: str) -> None:
        self.script, self.cancelled, self.avoided = list(script), list[str](), list[Collection[str]]()

    def nodes(self) -> tuple[Node, ...]:
        return (Node(name="n1", kind="a"),)

    def start(self, task: Task, folder: Path, avoid: Collection[str]) -> Submitted | None:
        self.avoided.append(avoid)
        said = self.script[task.attempt - 1]
        began = Began(node="n1", host="h", process=1, run_id=f"r{task.attempt}", at_s=5.0)
        fleet_folder.write_event(folder, task.attempt, began)
        if said not in ("gone", "runs"):
            ended = Ended(code=0 if said == "ok" else int(said), words="" if said == "ok" else "a reason", at_s=7.5)
            fleet_folder.write_event(folder, task.attempt, ended)
        return Submitted(ticket=str(task.attempt), node="n1")

    def look(self, submitted: Submitted, folder: Path) -> Look:
        runs = self.script[int(submitted.ticket) - 1] == "runs"
        return Look(phase="running") if runs else Look(phase="gone", reason="its node is gone")

    def cancel(self, submitted: Submitted, folder: Path) -> None:
        self.cancelled.append(submitted.ticket)

    def close(self) -> None:
        pass


FLEET = Fleet(
    fleet_id="20260101T000000Z-aaaa", suite="s", text="", on="local", nodes=(Node(name="n1", kind="a"),),
    shares=(Share(kind="a", number=1, count=1),),
)  # fmt: skip
CLOCK = Clock(now=lambda: 1.0, sleep=lambda _: None)


def looked_after(results: Path, engine: Scripted, told: list[str], *, polls: int = 100) -> ShareState:
    home = fleet_folder.begin(results, FLEET)
    left = iter([False] * polls)
    states = looking_after.states_of(home, FLEET)
    (state,) = looking_after.conduct(
        home, FLEET, states, engine, CLOCK, is_stopped=lambda: next(left, True), on_event=told.append
    )
    assert state == looking_after.states_of(home, FLEET)[0], "files tell the same"
    return state


@pytest.mark.parametrize(
    ("script", "standing", "attempts"),
    [
        (["ok"], "done", 1),
        (["1"], "done", 1),
        (["3"], "done", 1),
        (["gone", "ok"], "done", 2),
        (["130", "2", "ok"], "done", 3),
        (["gone", "gone", "gone", "ok"], "failed", ATTEMPTS),
        (["2", "2", "2"], "failed", ATTEMPTS),
    ],
)
def test_a_share_is_tried_until_it_has_its_answers(
    tmp_path: Path, script: list[str], standing: str, attempts: int
) -> None:
    told: list[str] = []
    engine = Scripted(*script)
    state = looked_after(tmp_path, engine, told)
    assert (state.standing, len(state.attempts)) == (standing, attempts)
    assert (state.seconds == 2.5) == (standing == "done")
    assert all("n1" in avoided for avoided in engine.avoided[1:])
    assert len(told) == attempts
    assert ("a-1of1: lost on n1 (its node is gone); what it had stored is kept" in told) == ("gone" in script)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    looked_after(tmp_path, Scripted("2", "ok"), told)
    assert told == ["a-1of1: ended on n1 with exit code 2: a reason", "a-1of1: done on n1"]


def test_what_failed_is_tried_anew_by_resume(tmp_path: Path) -> None:
    state = looked_after(tmp_path, Scripted("gone", "gone", "gone"), [])
    assert (state.standing, state.more().standing) == ("failed", "waiting")


def test_an_end_leaves_attempts_that_run_or_cancels_them(tmp_path: Path) -> None:
    engine = Scripted("runs", "ok")
    state = looked_after(tmp_path, engine, [], polls=3)
    assert (state.standing, engine.cancelled) == ("running", [])
    home = fleet_folder.home_of(tmp_path, FLEET)
    assert looking_after.cancel(home, [state], engine, CLOCK) == 1
    (after,) = looking_after.states_of(home, FLEET)
    assert after.attempts[0].lost == Lost(reason=CANCELLED, at_s=1.0)
    assert (after.standing, engine.cancelled) == ("waiting", ["1"])
    assert looked_after(tmp_path, engine, []).standing == "done"


def test_a_fleet_that_another_command_cancels_is_handed_over_no_more(tmp_path: Path) -> None:
    engine, told, home = Scripted("runs", "ok"), list[str](), fleet_folder.begin(tmp_path, FLEET)
    looked = engine.look

    def cancelled_after_a_look(submitted: Submitted, folder: Path) -> Look:
        fleet_folder.write_event(folder, 1, Lost(reason=CANCELLED, at_s=1.0))
        return looked(submitted, folder)

    engine.look = cancelled_after_a_look
    states = looking_after.states_of(home, FLEET)
    (state,) = looking_after.conduct(home, FLEET, states, engine, CLOCK, on_event=told.append)
    assert (state.standing, len(state.attempts)) == ("waiting", 1)
    assert told == ["cancelled by another command; lambdabench fleet resume goes on"]


def test_two_commands_do_not_look_after_one_fleet(tmp_path: Path) -> None:
    home = fleet_folder.begin(tmp_path, FLEET)
    with fleet_folder.held(home), pytest.raises(RequestError, match="another command looks after fleet-2026"):  # noqa: SIM117
        with fleet_folder.held(home):
            pass
    with fleet_folder.held(home):
        pass


def test_a_kind_without_a_node_is_told_once(tmp_path: Path) -> None:
    engine, told = Scripted(), list[str]()
    engine.start = lambda *_: None
    assert looked_after(tmp_path, engine, told, polls=5).standing == "waiting"
    assert len(told) == 1
    assert told[0].startswith("no node of kind a is there and free: its shares wait")


def test_fleets_are_found_by_their_ids(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no fleet; lambdabench fleet run"):
        fleet_folder.find(tmp_path)
    home = fleet_folder.begin(tmp_path, FLEET)
    assert fleet_folder.find(tmp_path, "2026") == (home, FLEET) == fleet_folder.find(tmp_path)
    with pytest.raises(UnknownNameError, match="no fleet is called '2027'"):
        fleet_folder.find(tmp_path, "2027")
    (home / "fleet.json").write_text("{")
    with pytest.raises(StoreError, match="is not as it was written"):
        fleet_folder.find(tmp_path)


def test_the_simulated_engine_starts_nothing_on_a_busy_node(tmp_path: Path) -> None:
    engine, share = SimulatedEngine(World(nodes=1, kinds=1)), Share(kind="kind00", number=1, count=2)
    (tmp_path / "attempts").mkdir()
    task = Task(share=share, attempt=1, suite="simulated")
    assert engine.start(task, tmp_path, ()) is not None
    assert engine.start(task, tmp_path, ()) is None
