"""What a reader may conclude of the paper's claims, and what not, in ten lines that are made of the verdicts."""

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from ..core.units import format_significant
from ..facts.claims import Claims
from .claim_conditions import Machine
from .claim_page import ratio_words
from .claim_rules import Finding
from .claim_witness import Witnessed
from .claims import Judged, Row

FAMILY = ("speedup-b7", "speedup-b6", "speedup-small")
PAPERS, TODAYS = "the paper's", "today's"
LAYERS = {"paper's": "the paper's own listing (einsum)", "ours": "our kernels"}
ACCELERATORS = ("cuda", "tpu")
DEVICES = {"cuda": "GPU", "tpu": "TPU"}


def conclusions(
    known: Claims,
    machine: Machine,
    claims: Sequence[Judged],
    witnesses: Sequence[Witnessed],
    machines: Sequence[Machine],
) -> tuple[str, ...]:
    """Ten lines. Each says what was measured, or that it was not."""
    here = f"on {machine.name} ({machine.kind})" if machine.name else "anywhere"
    place = here if machine.name else "on any machine"
    return (
        _scope(known, claims, here, is_measured=bool(machine.name)),
        _family(claims, "paper's", PAPERS, place),
        _family(claims, "ours", PAPERS, place),
        _family(claims, "ours", TODAYS, place),
        _papers_own(claims),
        _findings(claims, ("layer-",), "what the layer costs (and the paper's ratios)"),
        _findings(claims, ("place-", "hybrid-"), "where lambda layers sit (and the paper's ratios)"),
        _findings(claims, ("memory-", "params-", "flops-", "mobile-"), "sizes (and the paper's ratios)"),
        _witness(witnesses),
        _not_told(machines),
    )


def _scope(known: Claims, claims: Sequence[Judged], here: str, *, is_measured: bool) -> str:
    timed = [item for item in claims if item.claim.kind in ("curve", "ratio")]
    headlines = [row for item in timed for row in item.rows]
    done = sum(row.headline.is_usable for row in headlines)
    version = f"claims version {known.version} (sha256 {known.sha256[:12]})"
    if not is_measured:
        return f"{version}: none of the {len(timed)} claims of speed has been measured; what is said below rests on print alone"
    count = Counter(row.finding for row in headlines)
    findings = ", ".join(f"{count[name]} {name}" for name in get_args(Finding) if count[name])
    return f"{version}: {done} of {len(headlines)} headline ratios of {len(timed)} claims of speed were measured {here}: {findings}"


def _family(claims: Sequence[Judged], kernel: str, recipe: str, place: str) -> str:
    """How fast the family is beside EfficientNets, at each accuracy that is claimed."""
    layer = LAYERS[kernel]
    whose = "EfficientNets" if recipe == PAPERS else "today's best recipes of EfficientNets"
    begin = f"{place}, at equal quoted accuracy, LambdaResNets with {layer} train"
    said = [
        f"{row.headline.value:.2f} times{_interval(row)} as fast as {_at(item)} (claimed {item.claim.printed}: {row.finding})"
        for item in _picked(claims, FAMILY)
        for row in item.rows
        if (row.kernel, row.recipe) == (kernel, recipe) and row.headline.is_usable
    ]
    if not said:
        return f"LambdaResNets with {layer} against {whose} at equal accuracy: not measured {place}"
    return f"{begin}, against {whose}, {'; '.join(said)}"


def _at(item: Judged) -> str:
    names = [name.removeprefix("tf_").partition("@")[0] for name in item.claim.at]
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1].rpartition('_')[2]}"


def _interval(row: Row) -> str:
    ends = row.headline.interval
    return "" if ends is None else f" [{ends[0]:.2f}, {ends[1]:.2f}]"


def _papers_own(claims: Sequence[Judged]) -> str:
    """What the paper's own points give, with the error of the accuracies that it compares at."""
    said = [
        f"{item.claim.id} {item.paper.value:.2f}" + ("" if item.paper.both is None else _ends(item.paper.both))
        for item in _picked(claims, FAMILY)
        if item.paper is not None
    ]
    if not said:
        return "the paper's own points were not asked for"
    return (
        f"the paper's own points (8 TPUv3 cores) give {', '.join(said)}, with accuracies' errors: its headline factors are those "
        "of the largest EfficientNets alone"
    )


def _ends(interval: tuple[float, float]) -> str:
    return f" [{interval[0]:.1f}, {interval[1]:.1f}]"


def _findings(claims: Sequence[Judged], begins: Sequence[str], title: str) -> str:
    """The claims of each finding with their ratios here and the paper's, the paper's own layer first."""
    rows = [(item, row) for item in claims if item.claim.id.startswith(tuple(begins)) for row in item.rows]
    by_kernel: list[str] = []
    for kernel in dict.fromkeys(row.kernel for _, row in rows):
        mine = [(item, row) for item, row in rows if row.kernel == kernel]
        findings = dict.fromkeys(row.finding for _, row in mine)
        words = [f"{name}: {_named([pair for pair in mine if pair[1].finding == name])}" for name in findings]
        by_kernel.append((f"{LAYERS[kernel]}: " if kernel else "") + "; ".join(words))
    return f"{title}: {' | '.join(by_kernel)}" if by_kernel else f"{title}: not asked for"


def _named(pairs: Sequence[tuple[Judged, Row]]) -> str:
    return ", ".join(_with_ratio(item, row) for item, row in pairs)


def _with_ratio(item: Judged, row: Row) -> str:
    """ "layer-axial 3.28 [2.73, 3.94] (1.21)"; the name alone where there is no ratio."""
    if not row.headline.is_usable or row.headline.value is None:
        return item.claim.id
    return f"{item.claim.id} {ratio_words(row.headline)} ({format_significant(item.claim.quoted)})"


def _witness(witnesses: Sequence[Witnessed]) -> str:
    known = {
        recipe: [item.value for item in witnesses if item.recipe == recipe and item.value is not None]
        for recipe in (PAPERS, TODAYS)
    }
    if not known[PAPERS]:
        return "published tables were not looked at"
    said = [
        f"{format_significant(min(values), 2)} to {format_significant(max(values), 2)} against {name}"
        for name, values in ((f"EfficientNets of {PAPERS} recipe", known[PAPERS]), (f"{TODAYS} recipes", known[TODAYS]))
        if values
    ]
    tables = len({item.table for item in witnesses if item.value is not None})
    highest = max(known[TODAYS], default=None)
    never = ", never above 1" if highest is not None and highest < 1 else ""
    return f"quoted, of timm's own lambda networks in {tables} published tables, at equal accuracy: {', '.join(said)}{never}"


def _not_told(machines: Sequence[Machine]) -> str:
    absent = [DEVICES[kind] for kind in ACCELERATORS if kind not in {item.kind for item in machines}]
    where = f"nothing was measured on any {' or '.join(absent)}, where the paper's claims are from; " if absent else ""
    return (
        f"not to be concluded: {where}accuracies are quoted and no network was trained; one machine is one machine, and its other "
        "conditions stand beside the headline (plot claims)"
    )


def _picked(claims: Sequence[Judged], ids: Sequence[str]) -> list[Judged]:
    return [item for item in claims if item.claim.id in ids]
