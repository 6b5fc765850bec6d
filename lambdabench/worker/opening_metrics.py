"""What metrics ask for where a case is opened, each found once: first call, memory, counts."""

import dataclasses
from collections.abc import Callable
from typing import Any

from ..core.dtypes import PRODUCTS
from ..core.errors import MismatchError, WrongOutputError
from ..core.exported import FromFile
from ..core.ports import MemoryMeter, Session
from ..core.record import LEFT, Effective
from ..core.row_flags import GRAPH_BREAKS
from ..core.spec import Case
from ..machine import energy

CHECKED = tuple(field.name for field in dataclasses.fields(Effective) if field.name in Case.__slots__)
"""What a case asks for that a backend reads back from the live model."""
HINTS = {
    "threads": " (the network calls torch.set_num_threads itself: leave that to --threads)",
    "mode": " (its train() or eval() does not do what it is told; ask for --mode as it stays)",
    "output_dtype": " (its author cast it: use --dtype, or return float32)",
    "matmul": " (the network sets the precision of products itself: leave that to --dtype)",
}
"""What a user's own network does where it differs from what was asked."""


class LiveBench:
    """A `core.ports.Opened` over an open session. Making it makes the first call, so memory and time of that are known."""

    def __init__(
        self,
        session: Session,
        case: Case,
        host_meter: Callable[[], MemoryMeter],
        idle_power: Callable[[str, int], tuple[float, str] | None] = energy.idle_power,
    ) -> None:
        self.case = case
        self._idle_power = idle_power
        self._session = session
        self._device_meter = session.meter
        self._steady_extra_bytes: float | None = None
        self._doubts: tuple[str, ...] = ()
        self._first_call_s = 0.0
        self._compiled = ""
        meter = session.meter or host_meter()
        self._first_extra_bytes, output = meter.measure(self._timed_first_call)
        self._outputs = session.values(output)
        self._compilation = session.compilation()
        if self._compilation is not None and session.meter is None:
            self._first_extra_bytes, output = meter.measure(self._synchronised_call)
        self.meter_name = meter.name
        self.effective = self._checked(output)
        self.watch()

    def first_call_s(self) -> float:
        return self._first_call_s

    def compile_s(self) -> float | None:
        return None if self._compilation is None else self._compilation.seconds

    def trace_s(self) -> float | None:
        return None if self._compilation is None else self._compilation.trace_s

    def lower_s(self) -> float | None:
        return None if self._compilation is None else self._compilation.lower_s

    def flags(self) -> tuple[str, ...]:
        """Why to doubt the numbers."""
        broken = self._compilation is not None and (self._compilation.breaks or self._compilation.eager_frames)
        return (*((GRAPH_BREAKS,) if broken else ()), *self._doubts)

    def outputs(self) -> tuple[float, ...]:
        return self._outputs

    def extra_bytes(self) -> float:
        """A device's allocator is asked over a steady call; host memory over the first, since later ones find their pages,
        or over the second where the first one's peak is the compiler's."""
        if self._device_meter is None:
            return self._first_extra_bytes
        if self._steady_extra_bytes is None:
            self._steady_extra_bytes = self._device_meter.measure(self._synchronised_call)[0]
            self.meter_name = self._device_meter.name
        return self._steady_extra_bytes

    def from_file(self) -> FromFile | None:
        read = getattr(self._session, "from_file", None)  # outsiders' sessions may have none
        return None if read is None else read()

    def parameter_bytes(self) -> int | None:
        return self._session.parameter_bytes()

    def input_bytes(self) -> int:
        return self._session.input_bytes()

    def interaction_bytes(self) -> int | None:
        return self._session.interaction_bytes()

    def parameters(self) -> int | None:
        return self._session.parameters()

    def flops_per_image(self) -> float | None:
        flops = self._session.flops()
        return None if flops is None else flops / self.case.batch_size

    def compiler_flops_per_image(self) -> float | None:
        flops = self._session.compiler_flops()
        return None if flops is None else flops / self.case.batch_size

    def idle_power(self) -> tuple[float, str] | None:
        self._session.synchronize()
        return self._idle_power(self.case.device, self.case.devices)

    def watch(self) -> None:
        """From here on what is compiled is this case's: in between other cases of the process may have compiled theirs."""
        compilation = self._session.compilation()
        self._compiled = "" if compilation is None else compilation.told()

    def refuse_recompilation(self) -> None:
        """Raises MismatchError where something was compiled since `watch`."""
        compilation = self._session.compilation()
        if compilation is not None and compilation.told() != self._compiled:
            raise MismatchError(
                f"the network was compiled again while it was timed: {self._compiled} became {compilation.told()}; "
                "TORCH_LOGS=recompiles, or JAX_LOG_COMPILES=1, says why"
            )

    def verify(self) -> None:
        """Checks one more call's output and settings, after the timing. Raises WrongOutputError or MismatchError."""
        self._checked(self._synchronised_call())
        self.refuse_recompilation()
        self._doubts = self._session.doubts()

    def _timed_first_call(self) -> Any:
        """Timed inside the meter's work: what a meter does around it is not the case's."""
        start_s = self._session.clock.now()
        output = self._synchronised_call()
        self._first_call_s = self._session.clock.now() - start_s
        return output

    def _synchronised_call(self) -> Any:
        output = self._session.call()
        self._session.synchronize()
        return output

    def _checked(self, output: Any) -> Effective:
        if problem := self._session.check(output):
            raise WrongOutputError(f"{problem}; no speed is reported for a wrong answer")
        effective = self._session.effective(output)
        if problem := difference(self.case, effective):
            raise MismatchError(f"what ran is not what was asked: {problem}")
        compilation = self._session.compilation()
        if compilation is None:
            return effective
        if not compilation.graphs:
            raise MismatchError(
                f"nothing was compiled ({compilation.told()}): the network runs as it does without a compiler; "
                "use --backend torch_eager"
            )
        return dataclasses.replace(effective, compiler=compilation.told())


def difference(case: Case, effective: Effective) -> str:
    """Where effective settings differ from those asked for, in words; empty where they agree."""
    asked = {name: getattr(case, name) for name in CHECKED} | {
        "param_dtype": None if LEFT in effective.network else case.param_dtype,
        "threads": case.threads if case.device == "cpu" else None,
        "output_dtype": "float32" if case.dtype in PRODUCTS else None,  # half precision may end in float32 logits
        "matmul": PRODUCTS.get(case.dtype),  # a backend without such a switch says nothing
    }
    hints = HINTS if case.model_hash or ":" in case.model else {}
    return ", ".join(
        f"{key} {getattr(effective, key)!r} instead of {want!r}{hints.get(key, '')}"
        for key, want in asked.items()
        if want is not None and getattr(effective, key) not in ("", None, want)
    )
