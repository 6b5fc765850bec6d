"""Bundles of the paper's claims: what a reviewer needs to derive every figure again, and what of one does not fit."""

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__, layers, models, store, suite
from ..analysis.claim_checks import problems
from ..analysis.claim_numbers import as_numbers, different
from ..core import registry
from ..core.errors import FactError, LambdabenchError, NothingMeasuredError, StoreError
from ..core.spec import Case, Value
from ..facts import claims as claim_facts
from ..facts.claims import network
from ..store import bundles
from ..store.folders import files_of
from .claims import SUITE, ClaimsResult, answers_in, ids_of, result_of

BESIDE = ("ceiling",)
"""Models whose rows come with those of the claims, beside the control pair: what the machine did at best."""
CLOSE = 1e-9
"""Relative error with which a figure is the same on another machine, whose libraries add up in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A bundle that was written: files and rows of results in it, and its hash."""

    files: int
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What a bundle gives again. `result`: None where its rows cannot be read; `problems`: what does not fit, a line each."""

    name: str
    result: ClaimsResult | None
    rows: int
    made_with: str
    problems: tuple[str, ...]


def write_bundle(result: ClaimsResult, results: Path, path: Path) -> Written:
    """Writes every results file that has a row of the claims' networks, as it is, with the rules and the verdicts. Raises
    NothingMeasuredError where there is none, StoreError."""
    wanted = _models_of(result)
    files = bundles.files_with(list(files_of(results)), wanted) if results.exists() else []
    if not files:
        raise NothingMeasuredError(
            f"{results} has no row of the claims' networks to bundle; lambdabench run --suite {SUITE} measures them"
        )
    rows = {f"{place:04}-{file.name}": file.read_bytes() for place, file in enumerate(files)}
    facts = {
        "made_with": __version__,
        "claims_version": result.known.version,
        "claims_sha256": result.known.sha256,
        "machine": result.machine.name,
        "device": result.machine.kind,
        "claims": [item.claim.id for item in result.judged],
        "rows": sum(map(bundles.count_rows, files)),
    }
    rules = claim_facts.FILE.read_bytes()
    digest = bundles.write_bundle(path, facts=facts, rules=rules, verdicts=verdicts_of(result), rows=rows)
    return Written(files=len(files), rows=int(facts["rows"]), sha256=digest)


def read_bundle(path: Path, *, machine: str | None = None, ids: Sequence[str] = ()) -> Derived:
    """Derives every figure of a bundle again from its rows, by the rules of this package, and names what does not fit: hashes, rules,
    rows that cannot be, verdicts that its rows do not give. Raises StoreError for what is no bundle."""
    bundle = bundles.read_bundle(path)
    return derive(bundle, path.name, machine=machine, ids=ids)


def derive(bundle: bundles.Bundle, name: str, *, machine: str | None = None, ids: Sequence[str] = ()) -> Derived:
    """As `read_bundle`, of a bundle that has been read."""
    known = claim_facts.claims()
    said = [*bundle.problems, *_rules(bundle)]
    rows, result = 0, None
    try:
        with tempfile.TemporaryDirectory(prefix="lambdabench-bundle-") as folder:
            frame = store.read(bundles.unpack(bundle, Path(folder)))
        rows = len(frame)
        said += problems(frame, identity_defaults, suite.load(SUITE).control or ())
        if bundle.facts.get("rows") != rows:
            said.append(f"rows: the manifest says {bundle.facts.get('rows')}, and there are {rows:,}")
        newest = store.newest(frame)
        chosen = machine or str(bundle.facts.get("machine") or "") or None
        asked = ids_of(known, list(map(str, bundle.facts.get("claims", ()))))
        every = result_of(known, newest, answers_in(newest), machine=chosen, ids=asked)
        said += _changed(bundle.verdicts, verdicts_of(every))
        wanted = ids_of(known, ids)
        result = every if not wanted else result_of(known, newest, answers_in(newest), machine=chosen, ids=wanted)
    except (StoreError, LambdabenchError) as error:
        said.append(f"rows: {error}")
    return Derived(
        name=name, result=result, rows=rows, made_with=str(bundle.facts.get("made_with", "?")), problems=tuple(said)
    )


def identity_defaults(case: Case) -> Mapping[str, Value]:
    """The identity defaults of a case's options: its model's or layer's, and its backend's."""
    own = layers.option_defaults(case.model) if case.kind == "layer" else models.option_defaults(case.model)
    return {**own, **registry.load("backends", case.backend).OPTIONS}


def _models_of(result: ClaimsResult) -> list[str]:
    """The models that the claims name."""
    names = [name for item in result.judged for name in (*item.claim.mine, *item.claim.theirs, *item.claim.at)]
    curves = [result.known.curves_of(item.claim) for item in result.judged if item.claim.kind == "curve"]
    names += [
        name for curve in curves for name in (*curve.mine, *(model for side in curve.theirs for model in side.models))
    ]
    return sorted({network(name)[0] for name in names})


def verdicts_of(result: ClaimsResult) -> dict[str, Any]:
    """What a bundle says, as JSON gives it back."""
    said = {**as_numbers(result.judged, result.witnesses), "conclusions": list(result.conclusions)}
    return json.loads(json.dumps(said))


def _rules(bundle: bundles.Bundle) -> list[str]:
    """Whether a bundle was judged by this package's rules."""
    known = claim_facts.claims()
    try:
        own = claim_facts.read(bundle.rules)
    except FactError as error:
        return [f"rules: {error}"]
    if own.sha256 == known.sha256 == bundle.facts.get("claims_sha256"):
        return []
    if own.version != known.version:
        return [
            f"rules: it was judged by version {own.version} of the claims, and this is version {known.version}: its verdicts are stale"
        ]
    return [
        f"rules: its claims.toml (sha256 {own.sha256[:12]}) is not that of version {known.version} (sha256 {known.sha256[:12]}), which it "
        "says it is"
    ]


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What a bundle says that its rows do not give."""
    rounded, again = _rounded(before), _rounded(after)
    said = [f"verdict: {name} is another where it is derived again" for name in different(rounded, again)]
    if rounded.get("witnesses") != again.get("witnesses"):
        said.append("verdict: what published tables say is another where it is derived again")
    if before.get("conclusions") != after.get("conclusions") and not said:
        said.append("verdict: the conclusions are others where they are derived again")
    return said


def _rounded(value: Any) -> Any:
    """Numbers as they are the same on every machine."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, float) and math.isfinite(value) and value:
        digits = int(-math.log10(CLOSE)) - 1 - math.floor(math.log10(abs(value)))
        return round(value, digits)
    return value
