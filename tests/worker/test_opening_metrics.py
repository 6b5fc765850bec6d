"""What a metric may ask is found once, from the right call, and only for outputs and settings that are right."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lambdabench.core.errors import MismatchError, WrongOutputError
from lambdabench.core.record import Compilation, Effective
from lambdabench.core.spec import Case
from lambdabench.worker.opening_metrics import LiveBench, difference

CASE = Case(
    model="m",
    backend="b",
    device="cpu",
    batch_size=2,
    image_px=8,
    param_dtype="float32",
    layout="contiguous",
    threads=1,
)
AS_ASKED = Effective(
    mode="inference", device="cpu", param_dtype="float32", layout="contiguous", threads=1, batch_size=2
)


class ScriptedClock:
    time_s = 0.0

    def now(self) -> float:
        return self.time_s


class SlowMeter:
    """A meter that takes five seconds of its own on each side of the work, and counts its uses."""

    name = "slow"

    def __init__(self, clock: ScriptedClock) -> None:
        self.clock, self.uses = clock, 0

    def measure(self, work: Callable[[], Any]) -> tuple[float, Any]:
        self.uses += 1
        self.clock.time_s += 5.0
        result = work()
        self.clock.time_s += 5.0
        return 100.0 * self.uses, result


class ScriptedSession:
    """Dispatches in 1 ms, works for 10 ms a call; the work is waited for in `synchronize`."""

    def __init__(self, *, asynchronous: bool = False, own_meter: bool = False) -> None:
        self.clock = ScriptedClock()
        self.asynchronous = asynchronous
        self.slow_meter = SlowMeter(self.clock)
        self.meter = self.slow_meter if own_meter else None
        self.problem, self.found = "", AS_ASKED
        self.in_flight = 0
        self.compiled: Compilation | None = None

    def call(self) -> str:
        self.in_flight += 1
        self.clock.time_s += 0.001
        return "output"

    def synchronize(self) -> None:
        self.clock.time_s += 0.009 * self.in_flight
        self.in_flight = 0

    def time_calls(self, count: int) -> Sequence[float]:
        return [0.010] * count

    def effective(self, output: Any) -> Effective:
        return self.found

    def check(self, output: Any) -> str:
        return self.problem

    def compilation(self) -> Compilation | None:
        return self.compiled

    def values(self, output: str) -> tuple[float, ...]:
        return (float(self.in_flight), 2.0)

    def parameters(self) -> int:
        return 7

    def parameter_bytes(self) -> int:
        return 28

    def input_bytes(self) -> int:
        return 12

    def flops(self) -> float:
        return 50.0

    def rest(self) -> None: ...

    def doubts(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None: ...


def bench_of(session: ScriptedSession) -> LiveBench:
    return LiveBench(session, CASE, lambda: session.slow_meter)


def test_first_call_is_the_case_and_not_the_meter() -> None:
    assert bench_of(ScriptedSession()).first_call_s() == pytest.approx(0.010)


def test_host_memory_is_that_of_the_first_call() -> None:
    session = ScriptedSession()
    bench = bench_of(session)
    assert [bench.extra_bytes(), bench.extra_bytes()] == [100.0, 100.0]
    assert session.slow_meter.uses == 1


def test_device_memory_is_that_of_one_later_call_shared_by_all_who_ask() -> None:
    session = ScriptedSession(own_meter=True)
    bench = bench_of(session)
    assert [bench.extra_bytes(), bench.extra_bytes()] == [200.0, 200.0]
    assert session.slow_meter.uses == 2


def test_counts_are_those_of_the_session_and_flops_those_of_an_image() -> None:
    bench = bench_of(ScriptedSession())
    counts = bench.parameters(), bench.parameter_bytes(), bench.input_bytes(), bench.flops_per_image()
    assert counts == (7, 28, 12, 25.0)


def test_a_wrong_first_output_ends_the_case() -> None:
    session = ScriptedSession()
    session.problem = "3 of 8 outputs are not finite"
    with pytest.raises(
        WrongOutputError, match="3 of 8 outputs are not finite; no speed is reported for a wrong answer"
    ):
        bench_of(session)


def test_an_output_that_goes_wrong_while_timed_ends_the_case() -> None:
    session = ScriptedSession()
    bench = bench_of(session)
    session.problem = "8 of 8 outputs are not finite"
    with pytest.raises(WrongOutputError, match="8 of 8"):
        bench.verify()


def test_what_other_cases_of_the_process_compile_is_not_this_ones() -> None:
    """A compiler's counts are the process's."""
    session = ScriptedSession()
    session.compiled = Compilation(compiler="xla", seconds=1.0, graphs=1)
    bench = bench_of(session)
    session.compiled = dataclasses.replace(session.compiled, graphs=42)
    bench.watch()
    bench.refuse_recompilation()
    bench.verify()
    session.compiled = dataclasses.replace(session.compiled, graphs=43)
    with pytest.raises(MismatchError, match="xla, 42 graphs, 0 breaks became xla, 43 graphs"):
        bench.refuse_recompilation()
    assert bench.effective.compiler == "xla, 1 graph, 0 breaks"


def test_other_settings_than_asked_for_end_the_case() -> None:
    session = ScriptedSession()
    session.found = dataclasses.replace(AS_ASKED, layout="channels_last", threads=4)
    with pytest.raises(MismatchError, match="layout 'channels_last' instead of 'contiguous', threads 4 instead of 1"):
        bench_of(session)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", "mixed"),
        ("device", "cuda:0"),
        ("param_dtype", "bfloat16,float32"),
        ("layout", "mixed"),
        ("threads", 2),
        ("batch_size", 1),
    ],
)
def test_every_compared_setting_is_named_when_it_differs(field: str, value: object) -> None:
    assert difference(CASE, dataclasses.replace(AS_ASKED, **{field: value})).startswith(f"{field} {value!r} instead of")


def test_settings_that_cannot_be_read_back_are_not_a_difference() -> None:
    assert difference(CASE, AS_ASKED) == ""
    assert difference(CASE, Effective()) == ""


def test_threads_matter_on_a_cpu_only() -> None:
    case = dataclasses.replace(CASE, device="cuda:0")
    assert difference(case, dataclasses.replace(AS_ASKED, device="cuda:0", threads=16)) == ""


@pytest.mark.parametrize(
    ("dtype", "result", "text"),
    [
        ("float32", {"output_dtype": "bfloat16"}, "output_dtype 'bfloat16' instead of 'float32'"),
        ("float32", {"matmul": "high"}, "matmul 'high' instead of 'highest'"),
        ("tf32", {"matmul": "highest"}, "matmul 'highest' instead of 'high'"),
        ("bfloat16", {"output_dtype": "float32", "matmul": "highest"}, ""),
    ],
)
def test_precision_other_than_asked_is_named(dtype: str, result: dict[str, str], text: str) -> None:
    asked = Case(model="m", device="cpu", image_px=8, threads=2, param_dtype="float32", dtype=dtype)  # type: ignore[arg-type]
    assert difference(asked, Effective(**result)) == text
