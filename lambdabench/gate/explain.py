"""The first evidence of why something is slower: operators, allocations, page faults, instructions, the kernel that ran."""

from ..core.pairing import Operator, PairOutcome

FAULTS_APART = 20.0
"""Page faults a call by which two sides differ noticeably: 46 us at the 2.3 us each that were measured on two Xeon cores."""
WORTH = 0.1
"""An operator is named where it makes up this share of the slowdown."""
NAMED = 3


def short(one: PairOutcome) -> list[str]:
    """What goes into a table's cell: what differs between the sides."""
    said: list[str] = []
    before, after = one.base.faults_per_call, one.head.faults_per_call
    if abs(before - after) > FAULTS_APART:
        said.append(f"faults/call {before:.0f}→{after:.0f}")
    if one.base.kernel != one.head.kernel:
        said.append(f"kernel {one.base.kernel or '?'}→{one.head.kernel or '?'}")
    return said


def long(one: PairOutcome) -> tuple[str, ...]:
    """A line for operators and one for counters; fewer where nothing was profiled."""
    operators = _operators(one)
    return (*([operators] if operators else []), _counters(one))


def _operators(one: PairOutcome) -> str:
    base = {found.name: found for found in one.base.operators}
    head = {found.name: found for found in one.head.operators}
    zero = Operator(name="", self_s=0.0, calls=0.0)
    more = {name: head.get(name, zero).self_s - base.get(name, zero).self_s for name in (*head, *base)}
    slowdown_s = sum(found.self_s for found in head.values()) - sum(found.self_s for found in base.values())
    worst = sorted((name for name in more if more[name] > WORTH * slowdown_s > 0), key=lambda name: -more[name])
    return " · ".join(
        f"{name} {1e3 * before.self_s:.2f}→{1e3 * after.self_s:.2f} ms ({before.calls:g}→{after.calls:g} a call)"
        for name in worst[:NAMED]
        for before, after in [(base.get(name, zero), head.get(name, zero))]
    )


def _counters(one: PairOutcome) -> str:
    base, head = one.base, one.head
    said = [f"page faults {base.faults_per_call:.0f}→{head.faults_per_call:.0f} a call"]
    if base.allocations_per_call is not None and head.allocations_per_call is not None:
        said.insert(0, f"allocations {base.allocations_per_call:g}→{head.allocations_per_call:g} a call")
    if base.instructions_per_call and head.instructions_per_call:
        grown = head.instructions_per_call / base.instructions_per_call - 1
        said.append(f"instructions {grown:+.1%}")
    if base.kernel or head.kernel:
        same = base.kernel == head.kernel
        said.append(f"kernel {base.kernel} on both" if same else f"kernel {base.kernel or '?'}→{head.kernel or '?'}")
    return " · ".join(said)
