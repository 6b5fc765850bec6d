"""`check --baseline FILE`: against stored sessions of this machine. The weaker way: times of other days, tied to today's only by
an anchor that is run in turn with every case. It reports; it is no gate unless asked."""

import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from scipy import stats as scipy_stats  # pyright: ignore[reportMissingTypeStubs] (there are none)

from ..analysis.change_point import since_change
from ..core.errors import BaselineError, NotComparableError
from ..core.gate_protocol import PairOutcome, PairRequest, Rules
from ..core.identity import fingerprint, flat
from ..core.spec import Environment
from ..worker.probe import find_environment
from .check import Request, groups
from .pair_workers import PACKAGE, ask, worker_pool
from .settings import Settings
from .suite_cases import entries_of, matching, suite_of

STATS: Any = scipy_stats
FEWEST, MOST = 10, 64
"""Sessions at one level, of one machine, that an interval needs, and the newest ones that it looks at."""
ALPHA = 0.001
"""One-sided: a session has many cases, and no fresh process is asked. Simulated normal histories of 10 to 64 sessions, a million
of each of fifteen lengths, give 0.09 to 0.10 %; looking for a change of level first leaves it there."""
SESSION_S = 1.5
SCHEMA = 1
BaselineStatus = Literal["slower", "faster", "within", "too few", "failed"]
Session = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineLine:
    """One case against its stored sessions at the present level. `expected`: the prediction interval of change, as ratios to their
    median."""

    label: str
    status: BaselineStatus
    sessions: int
    change: float | None = None
    expected: tuple[float, float] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """All cases, and what would be stored of today."""

    standings: tuple[BaselineLine, ...]
    today: Session

    def exit_code(self, strict: bool) -> int:
        """0, unless it is asked to be strict: then 1 where something is slower or failed, 3 where there are too few sessions."""
        statuses = {standing.status for standing in self.standings}
        if not strict:
            return 0
        return 1 if statuses & {"slower", "failed"} else 3 if "too few" in statuses else 0


def run(request: Request, path: Path, on_outcome: Callable[[str, PairOutcome], None], *, keep: bool) -> Compared:
    """Measures now and compares. `keep`: appends today's session. Raises NotComparableError where the file is another machine's."""
    sessions = read(path, must_exist=not keep)
    environment = replace(find_environment(()), lambdabench="")  # the code is what is compared
    own = comparable(sessions, environment, path)
    rules = request.rules or Settings().rules()
    chosen = matching(entries_of(suite_of(request.suite, Path()), rules), request.only)
    outcomes: list[PairOutcome] = []
    with worker_pool() as pool:
        for group in groups(chosen):
            asked = PairRequest(base="", head=str(PACKAGE), entries=group, fixed_s=SESSION_S, anchored=True)
            outcomes += ask(asked, lambda pair_outcome: on_outcome("anchor", pair_outcome), pool).outcomes
    today = {
        "schema": SCHEMA,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "fingerprint": fingerprint(environment),
        "environment": flat(environment),
        "ratios": {outcome.label: outcome.verdict.ratio for outcome in outcomes if outcome.verdict is not None},
    }
    standings = tuple(_standing(outcome, own, rules) for outcome in outcomes)
    if keep:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(today) + "\n")
    return Compared(standings=standings, today=today)


def read(path: Path, *, must_exist: bool) -> list[Session]:
    """Stored sessions, oldest first. Raises BaselineError where there are none or the file is something else."""
    if not path.is_file():
        if must_exist:
            raise BaselineError(f"there is no baseline {path}; --record makes one, a line for each session")
        return []
    try:
        items = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        return [item | {"ratios": dict(item["ratios"])} for item in items]
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BaselineError(
            f"{path} is no baseline: {type(error).__name__}: {error}; give a file that --record wrote"
        ) from error


def comparable(sessions: Sequence[Session], environment: Environment, path: Path) -> list[Session]:
    """Sessions of this machine. Raises NotComparableError with the difference where all are of others."""
    own = [session for session in sessions if session["fingerprint"] == fingerprint(environment)]
    if sessions and not own:
        theirs: Mapping[str, Any] = sessions[-1]["environment"]
        apart = [
            f"{key}: {theirs.get(key)!r} there, {value!r} here"
            for key, value in flat(environment).items()
            if theirs.get(key) != value
        ]
        raise NotComparableError(
            f"{path} holds no session of this machine; the newest differs in {'; '.join(apart)}; "
            "--record adds one of this machine"
        )
    return own


def predicted(ratios: Sequence[float]) -> tuple[float, float, float]:
    """(Median, low, high) of log ratios: where a further session of the same code falls, all but once in a thousand on a side."""
    logs = [math.log(ratio) for ratio in ratios]
    middle = statistics.median(logs)
    margin = factor(len(logs)) * statistics.median(abs(log - middle) for log in logs)
    return middle, middle - margin, middle + margin


def factor(count: int) -> float:
    """Half of the prediction interval of `count` normal values about their median, over their median absolute deviation (MAD).

    Student's t s sqrt(1 + c/n), with s = 1.4826 MAD (1 + 2/n) and c = pi/2, the variance of the median over the mean's. MAD tells
    a deviation as badly as far fewer values would (37 % of them, Rousseeuw and Croux, JASA 88, 1993), so t has fewer degrees of
    freedom than n - 1: n/2 by simulation, 2 million values for each of eleven n from 10 to 64. With n - 1 (and c = 1), 0.35 % (n = 10)
    to 0.15 % (n = 64) would be above the interval.
    """
    degrees = count // 2
    spread = 1.4826 * (1 + 2 / count)
    return float(STATS.t.ppf(1 - ALPHA, degrees)) * spread * math.sqrt(1 + math.pi / 2 / count)


def _standing(pair_outcome: PairOutcome, own: Sequence[Session], rules: Rules) -> BaselineLine:
    if pair_outcome.verdict is None:
        return BaselineLine(
            label=pair_outcome.label,
            status="failed",
            sessions=0,
            reason=f"{pair_outcome.trouble}: {pair_outcome.reason}",
        )
    known = [session["ratios"][pair_outcome.label] for session in own if pair_outcome.label in session["ratios"]][
        -MOST:
    ]
    tolerance = math.log1p(rules.tolerance)
    begins = since_change([math.log(ratio) for ratio in known], tolerance)
    level = known[begins:]
    moved = f"the level moved {len(level)} sessions ago" if begins else ""
    if len(level) < FEWEST:
        reason = "; ".join(filter(None, (moved, f"{FEWEST} sessions are needed")))
        return BaselineLine(label=pair_outcome.label, status="too few", sessions=len(level), reason=reason)
    middle, low, high = predicted(level)
    now = math.log(pair_outcome.verdict.ratio)
    status: BaselineStatus = "within"
    if now > high and now - middle > tolerance:
        status = "slower"
    elif now < low and middle - now > tolerance:
        status = "faster"
    return BaselineLine(
        label=pair_outcome.label,
        status=status,
        sessions=len(level),
        change=math.exp(now - middle),
        expected=(math.exp(low - middle), math.exp(high - middle)),
        reason=moved,
    )
