"""What a run is asked for, what is known before it begins, and what it found."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import layers, models
from ..analysis.agreement import Agreement
from ..analysis.best_runtimes import BestRuntime
from ..analysis.paper_comparison import Quoted
from ..analysis.resolution import Resolution
from ..conduct import user_networks
from ..core import registry, shapes
from ..core.folders import REPORTS, RESULTS
from ..core.hosts import Hosts
from ..core.spec import Machine, ModelFacts, Plan, Suite, Value, Wish
from ..core.statuses import FAILED
from ..core.targets import Target
from ..plan.estimates import EstimateCheck
from ..suite.overrides import Overrides
from ._candidates import RaceRequest, Starters
from ._race_result import RaceResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What `run` is asked for; `overrides` are the flags that change a suite's axes."""

    suite: str = ""
    """A name or a path; empty beside `race`."""
    overrides: Overrides = Overrides()  # noqa: RUF009 (frozen, and empty)
    results: Path = RESULTS
    reports: Path = REPORTS
    budget_s: float | None = None
    """Of the whole, what is measured for the estimates included."""
    patience_s: float | None = None
    """Of the whole: more rounds are made in it, until what is asked is known."""
    precision: float | None = None
    """Ratios to the reference are to be known to this share."""
    fresh: bool = False
    dry_run: bool = False
    """Only the plan is wanted: nothing is measured for it."""
    share: tuple[int, int] | None = None
    """Which part of how many of the suite is to be measured here, (2, 5); all of it where there is none."""
    claims: tuple[str, ...] = ()
    """Of the suite only what the headlines of these claims are told from; with patience, until each has a verdict."""
    run_id: str = ""
    """Of its rows; made of the time where there is none."""
    race: RaceRequest | None = None
    """The front is to be found among published networks, in place of a suite."""
    target: str = ""
    """The machine, one of `core.targets`, that is planned for; this one where it is empty. Nothing can be measured there from here."""

    @property
    def decides(self) -> bool:
        """Whether more rounds are made for verdicts on claims."""
        return bool(self.claims) and self.patience_s is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan with all it was made from. `defaults` are the identity defaults of options, by model and backend."""

    suite: Suite
    machine: Machine
    plan: Plan
    fingerprint: str
    defaults: Mapping[str, Mapping[str, Value]]
    facts: Mapping[str, ModelFacts] = dataclasses.field(default_factory=dict[str, ModelFacts])
    hosts: Hosts = Hosts()  # noqa: RUF009 (frozen, and empty)
    spent_s: float = 0.0
    """What preparing took of the budget."""
    is_alone: bool = False
    """Whether it measures by itself what several processes were started for."""
    order: int = 0
    """The least `run_order` of what is measured now."""
    seen: user_networks.Seen = dataclasses.field(default_factory=dict[str, dict[str, str]])
    """Files that users' own networks are known to import."""
    race: Starters | None = None
    """Who races, where the front is to be found."""
    target: Target | None = None
    """The machine that is planned for where it is not this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run found. `cases` is the wide table of its cells, kept ones included, with `on_front`."""

    prepared: Prepared
    cases: pd.DataFrame
    rows: pd.DataFrame
    counts: Mapping[str, int]
    file: Path | None
    figures: tuple[Path, ...]
    seconds: float
    page: Path | None = None
    """What was found, as HTML."""
    estimates: EstimateCheck = EstimateCheck()  # noqa: RUF009 (frozen, and empty)
    quoted: tuple[Quoted, ...] = ()
    """What the paper prints of the suite's cases."""
    agreements: tuple[Agreement, ...] = ()
    """Pairs of backends that ran one network on equal weights and inputs."""
    best: tuple[BestRuntime, ...] = ()
    """Each network's quickest runtime, where the suite has one front over all runtimes."""
    interrupted: bool = False
    resolution: Resolution = Resolution()  # noqa: RUF009 (frozen, and empty)
    """What differences this run can tell."""
    lacking: str = ""
    """What of the precision that was asked for is not there."""
    race: RaceResult | None = None
    """How far a race for the front came."""

    def exit_code(self, strict: bool = False) -> int:
        """0 all is well, 1 a case failed or two frameworks differ (strict: or is unsupported, noisy or skipped), 3 no case has a
        usable number, or the run cannot tell what it is to rank, or not as precisely as was asked. Frameworks of which it cannot be
        told are no failure."""
        if self.interrupted:
            return 130
        differ = any(agreement.finding == "different" for agreement in self.agreements)
        if differ or any(self.counts.get(status) for status in FAILED):
            return 1
        if not self.counts.get("ok") or self.resolution.problem or self.lacking:
            return 3
        bad = sum(count for status, count in self.counts.items() if status != "ok")
        return 1 if strict and bad else 0


def backends_of(wanted: Suite) -> list[str]:
    """The backends of a suite's cases, sorted."""
    return sorted({cell.case.backend for cell in wanted.cells})


def option_defaults_of(wanted: Suite) -> dict[str, Mapping[str, Value]]:
    """Identity defaults of options, by the model or the backend that they belong to."""
    backends = {name: registry.load("backends", name).OPTIONS for name in backends_of(wanted)}
    known: dict[str, Mapping[str, Value]] = {name: models.option_defaults(name) for name in models.ours()}
    known |= {name: layers.option_defaults(name) for name in registry.names("layers")}
    return known | backends


def wishes_of(wanted: Suite) -> list[Wish]:
    """What planning must know of the suite's models, each once, with the options that they see and the shape of their images."""
    own = {
        name: {*registry.load("backends", name).OPTIONS, *models.WORKLOADS_OWN} - {shapes.OPTION}
        for name in backends_of(wanted)
    }
    result: dict[Wish, None] = {}
    for case in (cell.case for cell in wanted.cells):
        scripted = case.backend == "fake"  # a script is no model's options
        options = () if scripted else tuple(pair for pair in case.options if pair[0] not in own[case.backend])
        result[Wish(model=case.model, image_px=case.image_px, options=options, kind=case.kind)] = None
    return list(result)
