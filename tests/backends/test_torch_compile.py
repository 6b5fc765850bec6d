"""torch.compile: seconds of the compiler apart, cold every time, and a network that compiles again or not at all is told."""

import dataclasses
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from lambdabench.backends import torch_compile
from lambdabench.core.errors import MismatchError, UnsupportedError
from lambdabench.core.ports import Session
from lambdabench.core.spec import Case, options_from
from lambdabench.machine.memory import HostMeter
from lambdabench.models.classification.torch import Classification
from lambdabench.worker.opening_metrics import LiveBench

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs g++ on a CPU")


class Breaks(nn.Module):
    """Leaves the graph between two halves; the compiler reports it where it is and where it is called."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + 1
        torch._dynamo.graph_break()
        return x * 2


class Changes(nn.Module):
    """Another program after some calls, as a network that branches on its own state is."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x + 1 if self.calls < 6 else x * 2


class Hidden(nn.Module):
    """Nothing of it is compiled."""

    @torch.compiler.disable
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3)) @ x.new_ones(3, 5)


OPEN: list[Session] = []


@pytest.fixture(autouse=True)
def switches() -> Iterator[None]:
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    yield
    while OPEN:
        OPEN.pop().close()
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(precision)


def bench_of(*body: nn.Module, **changes: Any) -> LiveBench:
    given: dict[str, Any] = {"device": "cpu", "batch_size": 2, "image_px": 8, "param_dtype": "float32", "threads": 1}
    case = Case(model="m", backend="torch_compile", **(given | changes))
    torch.manual_seed(0)
    tail = () if isinstance(body[0], Hidden) else (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5))
    workload = Classification(network=nn.Sequential(*body, *tail), classes=5)
    session = torch_compile.open_session(workload, case, 0)
    OPEN.append(session)
    return LiveBench(session, case, HostMeter)


@pytest.mark.parametrize("mode", ["inference", "train"])
def test_one_graph_and_the_compilers_seconds_apart(mode: str) -> None:
    bench = bench_of(nn.BatchNorm2d(3), mode=mode)
    seconds_a_call = OPEN[-1].time_calls(5)
    bench.verify()
    assert bench.effective.compiler == "inductor default, 1 graph, 0 breaks"
    assert bench.effective.mode == mode
    seconds = bench.compile_s()
    assert seconds is not None
    assert 0 < seconds < bench.first_call_s()
    assert bench.first_call_s() > 5 * min(seconds_a_call)
    assert "graph_breaks" not in bench.flags()


def test_a_broken_graph_is_flagged() -> None:
    bench = bench_of(Breaks())
    assert bench.effective.compiler == "inductor default, 2 graphs, 2 breaks"
    assert "graph_breaks" in bench.flags()


def test_a_network_that_compiles_again_while_it_is_timed_is_a_mismatch() -> None:
    bench = bench_of(Changes())
    OPEN[-1].time_calls(5)
    with pytest.raises(MismatchError, match=r"compiled again while it was timed: .*TORCH_LOGS=recompiles"):
        bench.verify()


def test_a_network_that_falls_back_to_eager_says_so() -> None:
    with pytest.raises(MismatchError, match=r"nothing was compiled .*use --backend torch_eager"):
        bench_of(Hidden())


def test_the_second_case_of_a_process_is_as_cold_as_the_first() -> None:
    first, second = (bench_of(nn.BatchNorm2d(3)).compile_s() for _ in range(2))
    assert first is not None
    assert second is not None
    assert second > first / 5


def test_modes_are_known_and_an_unknown_one_is_answered() -> None:
    with pytest.raises(UnsupportedError, match="compile_mode 'fast' is unknown; use one of default, reduce-overhead"):
        bench_of(nn.Identity(), options=options_from({"compile_mode": "fast"}))
    case = Case(model="m", backend="torch_compile", device="cpu", param_dtype="float32")
    with pytest.raises(UnsupportedError, match="leave out --devices"):
        torch_compile.open_session(Classification(network=nn.Identity()), dataclasses.replace(case, devices=2), 0)
