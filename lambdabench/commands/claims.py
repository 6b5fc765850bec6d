"""The paper's claims, of the results that are there: verdicts, what published tables say, and what is still to be measured."""

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from .. import models, store
from ..analysis import evaluation_rows, scripted, table
from ..analysis.claim_bench import Bench, bench
from ..analysis.claim_cases import of_headlines
from ..analysis.claim_conclusions import conclusions
from ..analysis.claim_conditions import Machine, machines
from ..analysis.claim_witness import Table, Witnessed, tables_of, witnessed
from ..analysis.claims import Judged, judged
from ..core import registry
from ..core.errors import NothingMeasuredError, RequestError
from ..core.spec import Case, Suite
from ..facts import claims as claim_facts
from ..facts.claims import Claim, Claims, network
from ..facts.paper import UNITS, paper_figures
from ..facts.priors import priors
from ..plan import shares
from ..store.published_speeds import ENDING, read_speeds
from ._results import rows_of

SUITE = "claims"
ALL = "all"
TIMMS = f"benchmark-infer-*{ENDING}"
"""What timm calls its tables of speed."""
FORMULA = "interaction_memory"
FORMULA_BATCH = 128
"""Images of which Table 4 computes the memory of interactions."""
NOBODY = Machine(kind="cpu", name="")
"""Whose conditions are told where nothing was measured anywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsResult:
    """What there is to say. `machine`: whose results they are, without a name where nothing was measured; `others`: further ones."""

    known: Claims
    machine: Machine
    others: tuple[Machine, ...]
    judged: tuple[Judged, ...]
    witnesses: tuple[Witnessed, ...]
    conclusions: tuple[str, ...]

    @property
    def has_verdict(self) -> bool:
        """Whether anything that takes a clock was judged."""
        return any(
            row.headline.interval for item in self.judged if item.claim.kind in ("curve", "ratio") for row in item.rows
        )


def judge_claims(
    results: Path, *, machine: str | None = None, ids: Sequence[str] = (), tables: Path | None = None
) -> ClaimsResult:
    """The claims on one machine of a folder of results (default: that of the newest case), `machine` its name or a part of it; `ids`:
    only these claims, or those whose ids begin so; `tables`: a folder of published tables (.csv) in place of the package's own.

    Without results every claim is "not measured". Raises UnknownNameError, RequestError, StoreError.
    """
    known = claim_facts.claims()
    newest, cases = _cases(results)
    return result_of(known, newest, cases, machine=machine, ids=ids_of(known, ids), tables=_tables(tables))


def result_of(
    known: Claims,
    newest: pd.DataFrame,
    cases: pd.DataFrame,
    *,
    machine: str | None,
    ids: Sequence[str],
    tables: Sequence[Table] = (),
) -> ClaimsResult:
    """The claims of newest rows with their table of answers; without `tables`, published ones are the package's own."""
    there = machines(cases)
    chosen = _machine(there, machine)
    measured = bench_of(newest, cases)
    verdicts = judged(known, measured, chosen, ids)
    witnesses = witnessed(known, tables or tables_of(priors()))
    return ClaimsResult(
        known=known,
        machine=chosen,
        others=tuple(item for item in there if item != chosen),
        judged=verdicts,
        witnesses=witnesses,
        conclusions=conclusions(known, chosen, verdicts, witnesses, there),
    )


def bench_of(newest: pd.DataFrame, cases: pd.DataFrame) -> Bench:
    """What was measured, with the sizes that need no measurement."""
    return bench(newest, cases, _choosing(), _counts())


def ids_of(known: Claims, asked: Sequence[str]) -> tuple[str, ...]:
    """The ids that some are, or begin with; all of them for "all". Raises UnknownNameError for one that is none."""
    ids = [claim.id for claim in known.claims]
    if ALL in asked:
        return tuple(ids)
    result: dict[str, None] = {}
    for name in asked:
        same = [item for item in ids if item == name or item.startswith(f"{name}-")]
        if not same:
            raise registry.unknown("claim", name, ids)
        result |= dict.fromkeys(same)
    return tuple(result)


def missing_models(verdicts: Sequence[Judged]) -> tuple[str, ...]:
    """The models that some headline still wants."""
    return tuple(sorted({network(name)[0] for item in verdicts for name in item.missing}))


def undecided(results: Path, ids: Sequence[str], devices: Collection[str]) -> str:
    """Which of these claims have no verdict on the devices of this machine yet, by their titles, and about how many processes that takes;
    empty where each has one."""
    known = claim_facts.claims()
    newest, cases = _cases(results)
    here = next((item for item in machines(cases) if item.name in devices), NOBODY)
    verdicts = judged(known, bench_of(newest, cases), here, ids_of(known, ids))
    open_ = [item for item in verdicts if item.lacking or item.missing]
    if not open_:
        return ""
    more = max(item.lacking for item in open_)
    processes = f", about {more:,} more process{'' if more == 1 else 'es'}" if more else ""
    return f"no verdict yet on {', '.join(item.claim.id for item in open_)}{processes}"


def headlines_of(wanted: Suite, ids: Sequence[str]) -> Suite:
    """The cases of a suite that the headlines of these claims are told from, with its reference and its control pair. Raises
    UnknownNameError, and RequestError where it has none."""
    known = claim_facts.claims()
    asked = ids_of(known, ids)
    chosen = [claim for claim in known.claims if claim.id in asked]
    own = {*cases_of((cell.case for cell in wanted.cells), *chosen)}
    if not own:
        names = ", ".join(asked)
        raise RequestError(
            f"--claim: suite {wanted.name} has no case of {names}; use --suite {SUITE}, and a claim of speed"
        )
    plain = dataclasses.replace(
        wanted, cells=tuple(cell for cell in wanted.cells if cell.case in own or not cell.case.options)
    )
    return shares.with_common(plain, [cell for cell in plain.cells if cell.case in own])


def cases_of(cases: Iterable[Case], *claims: Claim) -> tuple[Case, ...]:
    """Those that the headlines of claims are told from."""
    return of_headlines(cases, claims, claim_facts.claims(), _choosing())


def _cases(results: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(Newest rows, their table of answers) of a folder; empty ones where it has none, or is not there."""
    try:
        rows = rows_of(results, None) if results.exists() else store.read([])
    except NothingMeasuredError:
        rows = store.read([])
    return rows, answers_in(rows)


def answers_in(rows: pd.DataFrame) -> pd.DataFrame:
    """The table of answers of newest rows, without scripted times and evaluations."""
    cases = table.wide(rows)
    return cases if cases.empty else scripted.measured(evaluation_rows.without(cases))


def _machine(there: Sequence[Machine], asked: str | None) -> Machine:
    if not there:
        return NOBODY
    if asked is None:
        return there[0]
    same = [item for item in there if item.name == asked] or [
        item for item in there if asked.lower() in item.name.lower() or asked == item.kind
    ]
    if len(same) != 1:
        names = ", ".join(f"{item.name} ({item.kind})" for item in there)
        raise RequestError(
            f"--machine: found {asked!r}, which is {len(same)} of the machines of these results: {names}; "
            "give more of one of these names"
        )
    return same[0]


def _tables(folder: Path | None) -> tuple[Table, ...]:
    """Published tables: the package's own, or those of a folder."""
    if folder is None:
        return tables_of(priors())
    files = sorted(folder.glob(TIMMS)) if folder.is_dir() else [folder]
    if not files:
        raise RequestError(f"--tables: {folder} has no {TIMMS}; give a table of speeds, or a folder of timm's")
    tables: list[Table] = []
    for path in files:
        speeds = read_speeds(path)
        same = speeds[speeds["throughput"].notna()].drop_duplicates(["model", "image_px"])
        rates = dict(zip(same["model"] + "@" + same["image_px"].astype(str), same["throughput"], strict=True))
        tables.append(Table(name=path.stem, rates=rates))
    return tuple(tables)


def _choosing() -> frozenset[str]:
    """Models whose lambda layers have a kernel to choose."""
    return frozenset(name for name in models.ours() if "kernel" in models.option_defaults(name))


def _counts() -> dict[tuple[str, str], float]:
    """Sizes by the paper's own rule: of interactions by its formula; parameters and FLOPs as its tables have them, or as its rule gives
    them where a print is wrong, which our networks have (tests/models/test_paper_counts.py)."""
    result: dict[tuple[str, str], float] = {}
    for figure in paper_figures():
        if figure.options or not figure.model or figure.image_px is None:
            continue
        name = f"{figure.model}@{figure.image_px}"
        if figure.metric in ("parameters", "flops"):
            result.setdefault((figure.metric, name), float(figure.derived or figure.printed) * UNITS[figure.unit][1])
        elif figure.metric == FORMULA:
            count = models.interaction_bytes(
                Case(model=figure.model, image_px=figure.image_px, batch_size=FORMULA_BATCH)
            )
            result.setdefault((FORMULA, name), float(count or 0.0))
    return result
