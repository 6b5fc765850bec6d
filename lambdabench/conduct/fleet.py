"""Shares of a suite handed to an engine until each has its answers: what is lost goes on elsewhere of its kind, and nothing is scheduled
that the engine's system schedules itself."""

import dataclasses
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .. import store
from ..core.fleet import Attempt, Engine, Fleet, Lost, Share, Task
from . import fleet_folder

ATTEMPTS = 3
"""At a share, before it is given up; `fleet resume` makes as many more."""
STRAGGLES = 2.0
"""A share that takes so many times as long as the middle one of its kind is told."""
LOOKS = 2
"""Looks at which an attempt must be gone before it is taken as lost: its last words may come after it on a shared file system."""
CANCELLED = "cancelled"
Standing = Literal["done", "running", "waiting", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareState:
    """A share and all attempts at it."""

    share: Share
    attempts: tuple[Attempt, ...] = ()
    most: int = ATTEMPTS
    """Attempts after which it has failed."""

    @property
    def standing(self) -> Standing:
        """How far it is; "waiting" for a node where no attempt is open."""
        if any(attempt.is_finished for attempt in self.attempts):
            return "done"
        if self.open is not None:
            return "running"
        return "failed" if self._tried >= self.most else "waiting"

    @property
    def open(self) -> Attempt | None:
        """The attempt that may be at work."""
        return next((attempt for attempt in self.attempts if attempt.is_open), None)

    @property
    def seconds(self) -> float | None:
        """From beginning to end of the attempt that finished, by its node's own clock; None before."""
        spans = [
            attempt.ended.at_s - attempt.began.at_s
            for attempt in self.attempts
            if attempt.is_finished and attempt.ended and attempt.began
        ]
        return max(0.0, spans[-1]) if spans else None

    @property
    def _tried(self) -> int:
        return sum(attempt.lost is None or attempt.lost.reason != CANCELLED for attempt in self.attempts)

    def with_attempt(self, attempt: Attempt) -> "ShareState":
        """With an attempt in place of what was known of it, or as a further one."""
        kept = [known for known in self.attempts if known.number != attempt.number]
        return dataclasses.replace(self, attempts=(*kept, attempt))

    def more(self, attempts: int = ATTEMPTS) -> "ShareState":
        """With so many attempts that may still be made."""
        return dataclasses.replace(self, most=self._tried + attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Time as it comes in from outside."""

    now: Callable[[], float]
    """Seconds since 1970."""
    sleep: Callable[[float], None]
    poll_s: float = 1.0


@dataclass(slots=True, kw_only=True)
class _Watch:
    """What is remembered between looks."""

    gone: dict[str, int] = field(default_factory=dict[str, int])
    since_s: dict[str, float] = field(default_factory=dict[str, float])
    told: set[str] = field(default_factory=set[str])


def states_of(home: Path, fleet: Fleet) -> list[ShareState]:
    """How far each share is, as files tell."""
    return [ShareState(share=share, attempts=fleet_folder.attempts_in(home / share.name)) for share in fleet.shares]


def conduct(
    home: Path,
    fleet: Fleet,
    states: Sequence[ShareState],
    engine: Engine,
    clock: Clock,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    on_event: Callable[[str], None] = lambda _: None,
) -> list[ShareState]:
    """Hands shares over and looks after them until each is done or has failed, or an end is wanted; what runs then goes on. `on_event`
    hears in words of what happens to a share."""
    known, watch = {state.share.name: state for state in states}, _Watch()
    while not is_stopped():
        was_open = {name for name, state in known.items() if state.open is not None}
        for name, state in known.items():
            if name in was_open:
                known[name] = _looked(home, state, engine, (clock, watch), on_event)
        if any(_is_cancelled(state) for state in known.values() if state.share.name in was_open):
            on_event("cancelled by another command; lambdabench fleet resume goes on")
            break
        for name, state in known.items():
            if state.standing == "waiting":
                known[name] = _handed(home, fleet, state, engine, clock)
        _tell_absent(list(known.values()), watch, on_event)
        _tell_stragglers(list(known.values()), clock, watch, on_event)
        if all(state.standing in ("done", "failed") for state in known.values()):
            break
        clock.sleep(clock.poll_s)
    return list(known.values())


def cancel(home: Path, states: Sequence[ShareState], engine: Engine, clock: Clock) -> int:
    """Ends all attempts that are open, after the visit in flight; how many there were."""
    count = 0
    for state in states:
        if state.open is not None:
            engine.cancel(state.open.submitted, home / state.share.name)
            fleet_folder.write_event(
                home / state.share.name, state.open.number, Lost(reason=CANCELLED, at_s=clock.now())
            )
            count += 1
    return count


def _handed(home: Path, fleet: Fleet, state: ShareState, engine: Engine, clock: Clock) -> ShareState:
    """With a further attempt, where the engine has taken one."""
    folder, number = home / state.share.name, 1 + max((attempt.number for attempt in state.attempts), default=0)
    place = store.told(folder.absolute())
    task = Task(share=state.share, attempt=number, suite=fleet.suite, place=place, flags=fleet.flags)
    fleet_folder.describe(folder, task)
    submitted = engine.start(task, folder, {attempt.node for attempt in state.attempts})
    if submitted is None:
        return state
    submitted = dataclasses.replace(submitted, at_s=clock.now())
    fleet_folder.write_event(folder, number, submitted)
    return state.with_attempt(Attempt(number=number, submitted=submitted))


def _looked(
    home: Path, state: ShareState, engine: Engine, around: tuple[Clock, _Watch], on_event: Callable[[str], None]
) -> ShareState:
    """With what has become of its open attempt."""
    attempt, folder, (clock, watch) = state.open, home / state.share.name, around
    assert attempt is not None
    look = engine.look(attempt.submitted, folder)
    before, attempt = attempt, fleet_folder.refreshed(folder, attempt)
    name = state.share.name
    if attempt.began and not before.began:
        watch.since_s[name] = clock.now()
    if attempt.lost is not None:
        return state.with_attempt(attempt)
    if attempt.ended is not None:
        watch.gone.pop(name, None)
        on_event(_words_of_end(name, attempt))
        return state.with_attempt(attempt)
    watch.gone[name] = watch.gone.get(name, 0) + 1 if look.phase == "gone" else 0
    if watch.gone[name] < LOOKS:
        return state.with_attempt(attempt)
    watch.gone.pop(name)
    lost = Lost(reason=look.reason or "it is gone", at_s=clock.now())
    fleet_folder.write_event(folder, attempt.number, lost)
    on_event(f"{name}: lost{f' on {attempt.node}' if attempt.node else ''} ({lost.reason}); what it had stored is kept")
    return state.with_attempt(dataclasses.replace(attempt, lost=lost))


def _is_cancelled(state: ShareState) -> bool:
    last = state.attempts[-1] if state.attempts else None
    return last is not None and last.lost is not None and last.lost.reason == CANCELLED


def _tell_absent(states: Sequence[ShareState], watch: _Watch, on_event: Callable[[str], None]) -> None:
    """Of each kind once whose shares wait though none of them is at work: its nodes are gone, or others have them."""
    busy = {state.share.kind for state in states if state.open is not None}
    for kind in sorted({state.share.kind for state in states if state.standing == "waiting"} - busy - watch.told):
        watch.told.add(kind)
        on_event(
            f"no node of kind {kind} is there and free: its shares wait; Ctrl-C and lambdabench fleet resume come back later"
        )


def _words_of_end(name: str, attempt: Attempt) -> str:
    assert attempt.ended is not None
    words = f": {attempt.ended.words}" if attempt.ended.words else ""
    if attempt.is_finished:
        return f"{name}: done on {attempt.node}{words}"
    return f"{name}: ended on {attempt.node} with exit code {attempt.ended.code}{words}"


def _tell_stragglers(
    states: Sequence[ShareState], clock: Clock, watch: _Watch, on_event: Callable[[str], None]
) -> None:
    """Of each share once that it takes much longer than others of its kind have."""
    for name, seconds, usual_s in stragglers(states, watch.since_s, clock.now()):
        if name not in watch.told:
            watch.told.add(name)
            on_event(f"{name}: has run for {seconds:.0f} s, others of its kind took {usual_s:.0f} s")


def stragglers(
    states: Sequence[ShareState], since_s: dict[str, float], now_s: float
) -> Iterator[tuple[str, float, float]]:
    """(Share, its seconds so far, those of the middle one of its kind) of open shares beyond `STRAGGLES` times these; of kinds of which two
    are done. `since_s`: when each was seen to begin, by the clock of `now_s`."""
    usual: dict[str, list[float]] = {}
    for state in states:
        if state.seconds is not None:
            usual.setdefault(state.share.kind, []).append(state.seconds)
    for state in states:
        others = usual.get(state.share.kind, [])
        begun_s = since_s.get(state.share.name)
        if state.open is None or begun_s is None or len(others) < 2:
            continue
        middle_s = statistics.median(others)
        if now_s - begun_s > STRAGGLES * middle_s:
            yield state.share.name, now_s - begun_s, middle_s
