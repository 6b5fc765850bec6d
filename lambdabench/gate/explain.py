"""The first evidence of why something is slower: operators, allocations, page faults, instructions, the kernel that ran."""

from ..core.gate_protocol import Operator, PairOutcome

FAULT_S = 2.3e-6
"""Of a page fault, on two Xeon cores."""
FAULTS_APART = 20.0
"""Page faults a call by which two sides differ noticeably: 46 us."""
WORTH = 0.1
"""An operator, or page faults, are named where they make up this share of the slowdown."""
LEAST_GROWN = 0.0005
"""Of instructions; less is +0.0 %."""
NAMED = 3


def short(pair_outcome: PairOutcome) -> list[str]:
    """What goes into a table's cell: what differs between the sides."""
    said: list[str] = []
    before, after = pair_outcome.base.faults_per_call, pair_outcome.head.faults_per_call
    if abs(before - after) > FAULTS_APART:
        said.append(f"faults/call {before:.0f}→{after:.0f}")
    if pair_outcome.base.kernel != pair_outcome.head.kernel:
        said.append(f"kernel {pair_outcome.base.kernel or '?'}→{pair_outcome.head.kernel or '?'}")
    return said


def long(pair_outcome: PairOutcome) -> tuple[str, ...]:
    """A line for operators and one for counters, of those that differ between the sides; none where nothing does."""
    return tuple(filter(None, (_operators(pair_outcome), _counters(pair_outcome))))


def _operators(pair_outcome: PairOutcome) -> str:
    base = {operator.name: operator for operator in pair_outcome.base.operators}
    head = {operator.name: operator for operator in pair_outcome.head.operators}
    zero = Operator(name="", self_s=0.0, calls=0.0)
    more = {name: head.get(name, zero).self_s - base.get(name, zero).self_s for name in (*head, *base)}
    slowdown_s = sum(operator.self_s for operator in head.values()) - sum(operator.self_s for operator in base.values())
    worst = sorted((name for name in more if more[name] > WORTH * slowdown_s > 0), key=lambda name: -more[name])
    return " · ".join(
        f"{name} {1e3 * before.self_s:.2f}→{1e3 * after.self_s:.2f} ms ({before.calls:g}→{after.calls:g} a call)"
        for name in worst[:NAMED]
        for before, after in [(base.get(name, zero), head.get(name, zero))]
    )


def _counters(pair_outcome: PairOutcome) -> str:
    base, head = pair_outcome.base, pair_outcome.head
    allocations = base.allocations_per_call, head.allocations_per_call
    instructions = base.instructions_per_call, head.instructions_per_call
    said: list[str] = []
    if None not in allocations and allocations[0] != allocations[1]:
        said.append(f"allocations {allocations[0]:g}→{allocations[1]:g} a call")
    if _faults_matter(pair_outcome):
        said.append(f"page faults {base.faults_per_call:.0f}→{head.faults_per_call:.0f} a call")
    if instructions[0] and instructions[1] and abs(grown := instructions[1] / instructions[0] - 1) >= LEAST_GROWN:
        said.append(f"instructions {grown:+.1%}")
    if base.kernel != head.kernel:
        said.append(f"kernel {base.kernel or '?'}→{head.kernel or '?'}")
    return " · ".join(said)


def _faults_matter(pair_outcome: PairOutcome) -> bool:
    """Whether page faults differ noticeably, or make up a share of the slowdown."""
    before, after = pair_outcome.base.faults_per_call, pair_outcome.head.faults_per_call
    worth = FAULT_S * (after - before) > WORTH * (pair_outcome.head.call_s - pair_outcome.base.call_s) > 0
    return abs(after - before) > FAULTS_APART or (worth and after - before >= 1)
