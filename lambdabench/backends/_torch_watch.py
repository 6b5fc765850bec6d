"""What single calls of a network do, operator by operator: whether an answer comes out of memory, whether the work is
another in every call, whether something is kept of each. Beside the timing, never in it."""

import contextlib
import gc
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass
from torch.utils._pytree import tree_leaves

from ..core.errors import WrongOutputError
from ..core.row_flags import GROWS, VARIES
from ._torch_flops import counter
from ._torch_trees import tensors

FEWEST, MOST = 4, 9
"""Calls that are watched, two at a time; more than the fewest where they are short..."""
PATIENCE_S, IMPATIENCE_S = 0.5, 5.0
"""...and two alone where these take longer."""
FAR = 2.0
"""Two calls do the same work but for what depends on the input's values; one of a cache's does a fraction."""

Step = Callable[[Any], Any]
"""One call on a set of inputs."""


class Work(NamedTuple):
    """What a call did; `kept_bytes` is what it made and is still there."""

    flops: float
    operators: int
    kept: "Storages"

    def size(self) -> float:
        """FLOP; of a network without products the operators."""
        return self.flops or float(self.operators)


class Storages:
    """Memory that operators took, known without keeping it."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[StorageWeakRef, int]] = {}

    def add(self, result: Any, given: Any) -> None:
        """What the result has that the arguments had not: views and what is written in place are not new."""
        old = {tree_leaf.untyped_storage()._cdata for tree_leaf in tree_leaves(given) if _has_storage(tree_leaf)}
        for item in tree_leaves(result):
            if _has_storage(item) and (storage := item.untyped_storage())._cdata not in old:
                self._known[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())

    def alive_bytes(self) -> int:
        """Bytes of those that somebody still holds."""
        return sum(count for reference, count in self._known.values() if not reference.expired())


class _Watch(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.operators, self.made = 0, Storages()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operators += 1
        self.made.add(result, (args, kwargs))
        return result


@contextlib.contextmanager
def uncompiled() -> Iterator[None]:
    """What the network's author has compiled runs operator by operator within."""
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def work_of(step: Step, inputs: Any) -> tuple[Work, tuple[Any, ...]]:
    """(What a call does, copies of its outputs)."""
    watch = _Watch()
    with uncompiled(), counter() as counted, watch:
        output = step(inputs)
    outputs = tuple(tensor.detach().clone() for tensor in tensors(output))
    return Work(float(counted.get_total_flops()), watch.operators, watch.made), outputs


def doubts(step: Step, seen: Any, unseen: Callable[[int], Any], anew: Callable[[], Step] | None) -> tuple[str, ...]:
    """Flags of what differs from call to call, on inputs that the network has seen and on others in turn.

    `anew` makes the network again, which has seen nothing; None where it learns. Raises WrongOutputError for
    an answer that is not computed.
    """
    start_s = time.perf_counter()
    (known, items), (fresh, other) = work_of(step, seen), work_of(step, unseen(0))
    again, first, same = [known], [fresh], _are_equal(items, other)
    del items, other  # some networks' outputs are large
    while not _is_enough(len(again) + len(first), time.perf_counter() - start_s):
        again.append(work_of(step, seen)[0])
        first.append(work_of(step, unseen(len(first)))[0])
    gc.collect()
    _refuse_memory(again, first, "an input that it has not seen")
    if anew is not None and same:  # an answer to anything, or weights that are zero
        _refuse_memory(again, [work_of(anew(), seen)[0]], "the first call")
    in_turn = [work for pair in zip(again, first, strict=True) for work in pair]
    grows = all(work.kept.alive_bytes() for work in in_turn[:-1])
    varies = len({(work.flops, work.operators) for work in in_turn}) > 1
    return tuple(flag for flag, is_so in ((GROWS, grows), (VARIES, varies)) if is_so)


def _is_enough(calls: int, spent_s: float) -> bool:
    return calls >= MOST or spent_s > (PATIENCE_S if calls >= FEWEST else IMPATIENCE_S)


def _refuse_memory(again: Sequence[Work], first: Sequence[Work], what: str) -> None:
    sizes, wanted = {work.size() for work in again}, min(first, key=Work.size)
    if len(sizes) == 1 and FAR * max(sizes) < wanted.size():
        unit = "FLOP" if wanted.flops else "operators"
        done = again[0].flops if wanted.flops else again[0].operators
        raise WrongOutputError(
            f"the timed calls compute {done:,.0f} of the {wanted.size():,.0f} {unit} that {what} takes: the network answers "
            "from what it kept; no speed is reported for an answer that is not computed"
        )


def _are_equal(items: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(items) == len(other) and all(torch.equal(a, b) for a, b in zip(items, other, strict=True))


def _has_storage(item: Any) -> bool:
    plain = isinstance(item, torch.Tensor) and not is_traceable_wrapper_subclass(item)
    return plain and item.layout == torch.strided and item.device.type != "meta"
