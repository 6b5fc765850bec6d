"""Judged claims as a page: the terminal, Markdown, HTML and JSON show the same tables."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.units import format_significant
from ..facts.claims import Claims
from .claim_bench import Tested
from .claim_conditions import Machine, label
from .claim_witness import Witnessed
from .claims import Judged, Row
from .page import Column, Page, Section, Table

TITLES = (
    Column(title="claim"),
    Column(title="layer"),
    Column(title="against", drop=1),
    Column(title="paper q", is_number=True),
    Column(title="here", is_number=True),
    Column(title="accuracies too", is_number=True, drop=2),
    Column(title="conditions", is_number=True, drop=3),
    Column(title="reach it", is_number=True),
    Column(title="verdict"),
)
LEGEND = (
    "q: the paper's ratio, oriented so that it is above 1; here: that of the headline condition with its 95 % interval between processes; "
    "accuracies too: its interval where the sampling errors of the quoted accuracies are drawn as well.",
    "layer: einsum is the paper's own listing, ours the kernels of this package. against: whose recipe gives their accuracies.",
    "conditions: the least and the greatest ratio of all conditions that have one; reach it: those that reach the paper's ratio, of all: "
    "what failed or was not run is among these.",
    "A verdict is by the headline condition alone and by fixed rules; where accuracy is quoted, speed replicated is the most there is.",
)
LAYERS = {"paper's": "einsum", "ours": "ours", "": "–"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a page is of. `lines`: what may be concluded; `repeat`: the command that measures it again; `figures`: files beside the page."""

    known: Claims
    machine: Machine
    claims: Sequence[Judged]
    witnesses: Sequence[Witnessed]
    lines: Sequence[str]
    repeat: str
    figures: tuple[str, ...] = ()


def page(findings: Findings) -> Page:
    """The whole page."""
    sections = (
        claims_section(findings.claims),
        conclusions_section(findings.lines),
        conditions_section(findings.claims),
        witness_section(findings.witnesses),
    )
    machine = findings.machine
    return Page(
        title="The claims of the LambdaNetworks paper, re-tested",
        answers=tuple(f"{line[0].upper()}{line[1:]}." for line in findings.lines[1:4]),
        holes=_holes(findings.claims),
        source="arXiv 2102.08602; claims, conditions and rules: lambdabench/facts/claims.toml",
        figures=findings.figures,
        sections=tuple(section for section in sections if section.table.rows),
        conditions=(
            f"Machine: {machine.name} ({machine.kind})." if machine.name else "Nothing was measured.",
            version(findings.known),
            *(f"{words}." for item in findings.claims if (words := differences(item, machine))),
            *(f"Rule, {name.replace('_', ' ')}: {rule}." for name, rule in findings.known.rules.items()),
            *(f"Listed fault: {fault.says} ({fault.source})." for fault in findings.known.faults),
        ),
        how="Both sides of a ratio ran under one condition: equal runtime, dtype, layout, batch, threads, folding, environment; both are "
        "ok. Ratios are of throughput, from rounds that visited both sides where there are such.",
        repeat=findings.repeat,
    )


def _holes(claims: Sequence[Judged]) -> tuple[str, ...]:
    """Conditions without a ratio, in a line."""
    every = [tested for item in claims for row in item.rows if row.kernel for tested in row.tested]
    none = sum(not tested.is_usable for tested in every)
    return (f"{none} of {len(every)} conditions have no ratio: they failed or were not run.",) if none else ()


def version(known: Claims) -> str:
    """What every output names."""
    return f"Claims version {known.version}, sha256 {known.sha256}."


def claims_section(claims: Sequence[Judged]) -> Section:
    """A row a claim, kernel and recipe."""
    rows = tuple(_row(item, row, is_first=place == 0) for item in claims for place, row in enumerate(item.rows))
    return Section(title="Claims", table=Table(columns=TITLES, rows=rows), legend=LEGEND)


def _row(item: Judged, row: Row, *, is_first: bool) -> tuple[str, ...]:
    headline = row.headline
    return (
        item.claim.id,
        LAYERS[row.kernel],
        row.recipe,
        paper_words(item) if is_first else "",
        ratio_words(headline),
        "" if headline.both is None else f"[{headline.both[0]:.2f}, {headline.both[1]:.2f}]",
        range_words(row),
        f"{row.reached} of {len(row.tested)}" if row.finding != "not measurable" else "",
        verdict_words(row),
    )


def paper_words(item: Judged) -> str:
    """The paper's ratio; an en dash where it claims none."""
    return "–" if item.paper is None else format_significant(item.claim.quoted)


def ratio_words(tested: Tested) -> str:
    """ "2.11 [2.05, 2.17]"; an en dash for none."""
    if tested.value is None:
        return "–"
    exact = tested.interval is None or tested.interval[0] == tested.interval[1]
    ends = "" if exact or tested.interval is None else f" [{tested.interval[0]:.2f}, {tested.interval[1]:.2f}]"
    return f"{tested.value:.2f}{ends}"


def range_words(row: Row) -> str:
    """ "0.83 to 1.20" over the conditions that have a ratio, where these are several."""
    if row.worst is None or row.best is None or row.worst is row.best:
        return ""
    return f"{row.worst.value:.2f} to {row.best.value:.2f}"


def verdict_words(row: Row) -> str:
    """The verdict, with what it takes to have one, or why there is none."""
    headline = row.headline
    if row.finding == "not measured":
        return f"not measured{_lacking_words(headline)}"
    if row.finding == "not measurable":
        return "not measurable here: it takes training"
    if headline.fault is not None:
        return f"no headline: {headline.fault.says}"
    if not row.lacking:
        return row.finding
    return f"{row.finding}; needs about {row.lacking:,} more process{'' if row.lacking == 1 else 'es'}"


def _lacking_words(tested: Tested) -> str:
    """What of a headline is not there."""
    if tested.status == "failed":
        return f" ({tested.reason})"
    count = len(tested.missing)
    return (
        f" ({count} network{'' if count == 1 else 's'} to run)"
        if count
        else f" ({tested.reason})"
        if tested.reason
        else ""
    )


def conclusions_section(lines: Sequence[str]) -> Section:
    """The sentences, numbered."""
    rows = tuple((str(place), line) for place, line in enumerate(lines, 1))
    return Section(
        title="What may be concluded, and what not",
        table=Table(columns=(Column(title=""), Column(title="of the verdicts above")), rows=rows),
    )


def conditions_section(claims: Sequence[Judged]) -> Section:
    """A row a condition of each claim of speed that has any number."""
    columns = (
        Column(title="claim"),
        Column(title="layer"),
        Column(title="against", drop=1),
        Column(title="condition"),
        Column(title="ratio", is_number=True),
        Column(title=""),
    )
    rows = tuple(_conditions(claims))
    legend = ("● the headline. Conditions without a ratio count as not reaching the paper's.",)
    return Section(title="Every condition", table=Table(columns=columns, rows=rows), legend=legend)


def differences(item: Judged, machine: Machine) -> str:
    """In what conditions the paper's ratio and the headline here differ; empty where there is no headline."""
    headline = item.rows[0].headline.condition if item.rows else None
    if headline is None or item.paper is None:
        return ""
    here = f"{label(headline)}, {headline.mode}, on {machine.name or f'no {machine.kind} yet'}"
    return f"{item.claim.id}: in the paper {'; '.join(item.paper.conditions)}; here {here}"


def _conditions(claims: Sequence[Judged]) -> Iterator[tuple[str, ...]]:
    for item in claims:
        for row in item.rows:
            for tested in row.tested if row.usable and row.kernel else ():
                assert tested.condition is not None
                mark = "● " if tested.condition.is_headline else ""
                name = f"{mark}{label(tested.condition)}"
                said = f"{tested.status}: {tested.reason}" if tested.status != "ok" else ""
                if tested.fault is not None:
                    said = f"fault: {tested.fault.says}"
                yield (item.claim.id, LAYERS[row.kernel], row.recipe, name, ratio_words(tested), said)


def witness_section(witnesses: Sequence[Witnessed]) -> Section:
    """A row a network and published table, a column a recipe."""
    recipes = list(dict.fromkeys(item.recipe for item in witnesses))
    columns = (
        Column(title="network"),
        Column(title="published table q"),
        *(Column(title=f"over {recipe}", is_number=True) for recipe in recipes),
        Column(title=""),
    )
    groups: dict[tuple[str, str], dict[str, Witnessed]] = {}
    for item in witnesses:
        groups.setdefault((item.name, item.table), {})[item.recipe] = item
    rows = tuple(
        (name, table, *(_witness_words(same[recipe]) for recipe in recipes), _fault_words(same))
        for (name, table), same in sorted(groups.items())
        if any(item.reason != "not in the table" for item in same.values())
    )
    legend = (
        "q: quoted, of tables of inference that timm publishes; others chose batches and runtimes and tell no error. At equal accuracy: "
        "theirs is the curve of EfficientNets, with the accuracies that timm publishes.",
    )
    return Section(title="A second witness", table=Table(columns=columns, rows=rows), legend=legend)


def _witness_words(item: Witnessed) -> str:
    return "outside" if item.value is None else f"{item.value:.2f}"


def _fault_words(same: dict[str, Witnessed]) -> str:
    fault = next((item.fault for item in same.values() if item.fault is not None), None)
    return "" if fault is None else f"fault: {fault.says}"
