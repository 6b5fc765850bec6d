"""The cases of a suite that the headlines of claims are told from, before anything of the machine is known."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..core import fields
from ..core.spec import Case, Value
from ..facts.claims import Claim, Claims, network
from . import claim_conditions as where
from .claim_accuracy import accuracy_asked, needed
from .claim_conditions import Condition, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """Networks under a headline."""

    condition: Condition
    networks: Sequence[Wanted]


def of_headlines(
    cases: Iterable[Case], claims: Iterable[Claim], known: Claims, choosing: Collection[str]
) -> tuple[Case, ...]:
    """Those of `cases` that the headline of some claim is told from, on whatever kind of device; `choosing` as `Bench` has it.

    Of a claim of equal accuracy these are the networks between whose accuracies it lies. A case of a network's native size counts as
    one of every size.
    """
    sides = [side for claim in claims for side in _sides(claim, known, choosing)]
    return tuple(case for case in cases if any(_is_of(case, side) for side in sides))


def _sides(claim: Claim, known: Claims, choosing: Collection[str]) -> Iterator[_Side]:
    of_set = known.set_of(claim)
    if of_set is None:
        return
    for kind in of_set.headline:
        for condition in where.conditions(claim, of_set, kind):
            if condition.is_headline:
                for names, options in _networks(claim, known):
                    networks = where.wanted(names, options, condition, choosing)
                    yield _Side(condition=condition, networks=networks)


def _networks(claim: Claim, known: Claims) -> Iterator[tuple[Sequence[str], Mapping[str, Value]]]:
    """(Names, options) of the networks of each side."""
    if claim.kind == "ratio":
        yield claim.mine, claim.mine_options
        yield claim.theirs, claim.theirs_options
    elif claim.kind == "curve":
        curves = known.curves_of(claim)
        at = accuracy_asked(claim, curves)
        yield needed(curves.mine, curves.weights, at), {}
        for recipe in curves.theirs:
            yield needed(recipe.models, recipe.weights, at), {}


def _is_of(case: Case, side: _Side) -> bool:
    row = {name: getattr(case, name) for name in Case.__slots__}
    asked = where.said(side.condition.setting)
    if (case.kind, case.mode) != ("model", side.condition.mode):
        return False
    return all(fields.value(row, field) == value for field, value in asked) and any(
        where.is_of(row | {"image_px": case.image_px or network(item.name)[1]}, item) for item in side.networks
    )
