"""The comparison: pair processes for every kernel, controls, confirmation, verdicts."""

import datetime
import fnmatch
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import launch
from ..core import codec
from ..core.errors import SuiteError
from ..core.pairing import PairOutcome, PairRequest, Role
from ..core.registry import ROOT
from ..core.spec import Case, Suite, default_param_dtype
from . import settings, verdicts
from .commits import Sides, root_of, sides
from .verdicts import Controls, Verdict

CONFIRM_S = 2.0
CONTROL_S = 6.0
CANARY_SHARE = 0.10
PROCESS_S = 120.0
"""Most that a pair process may take beside its cases' budgets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to compare: cases of a suite that match `only`, HEAD with its merge base with `base`."""

    suite: Suite
    base: str
    only: str = "*"
    repository: Path = Path()
    package: str = ROOT
    budget_s: float | None = None
    """Of one case; None: the suite's."""
    seed: int = 0
    today: datetime.date = field(default_factory=datetime.date.today)
    """For waivers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A process of the comparison is done."""

    what: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A comparison that is done."""

    sides: Sides
    declared: int
    verdicts: tuple[Verdict, ...]
    controls: Controls
    gated: bool = True

    @property
    def exit_code(self) -> int:
        """0, 1 or 3: `verdicts.exit_code`; never 1 where the project says gated = false."""
        code = verdicts.exit_code(self.verdicts, self.controls)
        return 0 if code == 1 and not self.gated else code


def check(request: Request, on_event: Callable[[Event], None] = lambda _: None) -> Check:
    """Compares. Raises SuiteError where no case matches, LambdabenchError where a side cannot be had."""
    cases = cases_of(request.suite, request.only)
    said = settings.read(root_of(request.repository))
    settings.check_names(said, {name for name, _ in cases_of(request.suite)})
    budget_s = request.budget_s or request.suite.sampling.case_budget_s
    with sides(request.base, request.repository, request.package) as both:
        found: list[Verdict] = []
        for group in _by_kernel(cases):
            done = [verdicts.first_verdict(one) for one in run_pair(both, group, request, budget_s=budget_s)]
            found += done
            on_event(Event(what=group[0][1].model, verdicts=tuple(done)))
        controls = _controls(both, cases, found, request)
        on_event(Event(what="controls", verdicts=tuple(one for one in (controls.same, controls.canary) if one)))
        named = dict(cases)
        found = [
            _confirmed(one, (one.name, named[one.name]), both, request) if one.finding == "slower" else one
            for one in found
        ]
    settled = settings.apply(said, verdicts.settle(found), request.today)
    return Check(sides=both, declared=len(cases), verdicts=settled, controls=controls, gated=said.gated)


def cases_of(suite: Suite, only: str = "*") -> list[tuple[str, Case]]:
    """(Name, resolved case) of a suite's cells that match a glob, on one thread of the CPU unless the suite says otherwise."""
    found = {name_of(case): case for case in map(_resolved, (cell.case for cell in suite.cells))}
    chosen = [(name, case) for name, case in found.items() if fnmatch.fnmatchcase(name, only)]
    if not chosen:
        raise SuiteError(f"no case of {suite.name} matches {only!r}; it has {', '.join(list(found)[:6])}, ...")
    return chosen


def name_of(case: Case) -> str:
    """What a case is called in the table and in globs: "lambda_layer 56 train dim=64"."""
    told = " ".join(f"{key}={value}" for key, value in case.options)
    backend = "" if case.backend == "torch_eager" else f" {case.backend}"
    dtype = "" if case.dtype == "float32" else f" {case.dtype}"
    batch = "" if case.batch_size == 1 else f" b={case.batch_size}"
    return f"{case.model} {case.image_px} {case.mode}{backend}{dtype}{batch}" + (f" {told}" if told else "")


def _resolved(case: Case) -> Case:
    device = "cpu" if case.device == "auto" else case.device
    dtype = case.param_dtype or default_param_dtype(case.dtype, case.mode)
    return replace(case, device=device, threads=case.threads or 1, param_dtype=dtype)


def _by_kernel(cases: Iterable[tuple[str, Case]]) -> list[list[tuple[str, Case]]]:
    groups: dict[tuple[object, ...], list[tuple[str, Case]]] = {}
    for name, case in cases:
        groups.setdefault((case.model, case.backend, case.device, case.threads), []).append((name, case))
    return list(groups.values())


def run_pair(
    both: Sides,
    cases: Sequence[tuple[str, Case]],
    request: Request,
    *,
    budget_s: float,
    role: Role = "pair",
    head_first: bool = False,
    extra_share: float = 0.0,
    fixed: bool = False,
    seed: int | None = None,
) -> list[PairOutcome]:
    """Outcomes of cases that share a process; one that has none there is "failed" with the process's last words."""
    asked = PairRequest(
        base=str(both.base),
        head=str(both.head),
        cases=tuple(cases),
        budget_s=budget_s,
        seed=request.seed if seed is None else seed,
        head_first=head_first,
        role=role,
        extra_share=extra_share,
        fixed=fixed,
    )
    with tempfile.TemporaryDirectory(prefix="lambdabench-pair-") as name:
        folder = Path(name)
        codec.write(folder / "request.json", asked)
        said = _run(folder, cases[0][1].threads, PROCESS_S + 2 * budget_s * len(cases))
        return [_outcome(folder / f"{index}.json", case[0], said) for index, case in enumerate(cases)]


def _run(folder: Path, threads: int | None, limit_s: float) -> str:
    environment = launch.worker_environment(threads) | {"PJRT_NPROC": str(threads or 1)}
    environment.pop("LAMBDABENCH_LEASH")
    command = (sys.executable, "-m", f"{ROOT}.worker.pair", str(folder))
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer after {limit_s:g} s"
    lines = done.stderr.strip().splitlines()
    return lines[-1] if done.returncode and lines else f"exit code {done.returncode}"


def _outcome(path: Path, name: str, said: str) -> PairOutcome:
    if path.exists():
        return codec.read(PairOutcome, path)
    return PairOutcome(name=name, status="failed", reason=f"the pair process gave no answer: {said}")


def _controls(both: Sides, cases: Sequence[tuple[str, Case]], found: Sequence[Verdict], request: Request) -> Controls:
    """Head against itself, and against itself with extra work, on the case that was decided soonest."""
    timed = [one for one in found if one.outcomes and one.outcomes[0].status == "ok"]
    if not timed:
        return Controls()
    quick = min(timed, key=lambda one: one.outcomes[0].seconds).name
    case = [(quick, dict(cases)[quick])]
    same = run_pair(both, case, request, budget_s=CONTROL_S, role="control")[0]
    canary = run_pair(both, case, request, budget_s=CONTROL_S, role="canary", extra_share=CANARY_SHARE)[0]
    return Controls(same=verdicts.first_verdict(same), canary=verdicts.first_verdict(canary))


def _confirmed(first: Verdict, case: tuple[str, Case], both: Sides, request: Request) -> Verdict:
    """Two fresh processes, the sides made in the other order in one of them."""
    more = [
        run_pair(both, [case], request, budget_s=CONFIRM_S, head_first=swap, fixed=True, seed=request.seed + 1 + swap)[
            0
        ]
        for swap in (True, False)
    ]
    return verdicts.confirm(first, more)
