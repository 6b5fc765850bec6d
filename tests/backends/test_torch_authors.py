"""Networks as people have them: what their authors did to them is told, and what makes a number wrong is found."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lambdabench import models
from lambdabench.backends import _torch_watch, torch_eager
from lambdabench.core.errors import LambdabenchError, UnsupportedError
from lambdabench.core.record import LEFT, Outcome
from lambdabench.core.spec import Case, Job, Sampling
from lambdabench.core.visit_protocol import Asked, Length
from lambdabench.models.classification.torch import Classification
from lambdabench.worker.open_cases import OpenCases
from lambdabench.worker.opening_metrics import difference

SOURCE = """
import torch
from torch import nn


def convolution():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def twice():
    return torch.compile(convolution(), backend="eager")

def inside():
    return Calling(torch.compile(torch.sin, backend="eager"))

def scripted():
    return torch.jit.script(convolution())

def quantised():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 10))
    return torch.ao.quantization.quantize_dynamic(linear, {nn.Linear}, dtype=torch.qint8)

def half():
    return convolution().half()

def double():
    return convolution().double()

def lazy():
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def without_parameters():
    return nn.AdaptiveAvgPool2d(1)

def with_its_name():
    return convolution(), "a name"

def not_called():
    return Calling


class Calling(nn.Module):
    def __init__(self, then):
        super().__init__()
        self.c, self.then = nn.Conv2d(3, 4, 3), then

    def forward(self, x):
        return self.then(self.c(x)).mean((2, 3))


class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3).half()
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x):
        return self.c(x.to(self.c.weight.dtype)).mean((2, 3)).to(self.scale.dtype) * self.scale


class Keeping(nn.Module):
    def __init__(self, key=lambda x: 0):
        super().__init__()
        self.c, self.kept, self.key = nn.Conv2d(3, 4, 3), {}, key

    def forward(self, x):
        if self.key(x) not in self.kept:
            self.kept[self.key(x)] = self.c(x).mean((2, 3))
        return self.kept[self.key(x)]


class Unwatched(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        from torch.utils._python_dispatch import _get_current_dispatch_mode

        assert _get_current_dispatch_mode() is None
        return self.c(x).mean((2, 3))


class Growing(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.kept = nn.Conv2d(3, 4, 3), []

    def forward(self, x):
        y = self.c(x)
        self.kept.append(y)
        return y.mean((2, 3))


class LastOne(Growing):
    def forward(self, x):
        self.kept = [self.c(x)]
        return self.kept[0].mean((2, 3))


class RandomDepth(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.ModuleList(nn.Conv2d(3, 4, 3) for _ in range(50))
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x):
        depth = int(torch.randint(1, 50, (), generator=self.generator))
        return torch.stack([c(x).mean((2, 3)) for c in self.c[:depth]]).mean(0)


class Zero(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)
        nn.init.zeros_(self.c.weight)

    def forward(self, x):
        return self.c(x).mean((2, 3))


class LaterNaN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c, self.calls = nn.Conv2d(3, 4, 3), 0

    def forward(self, x):
        self.calls += 1
        return self.c(x).mean((2, 3)) * (float("nan") if self.calls > 5 else 1)


class Threads(nn.Module):
    def __init__(self):
        super().__init__()
        self.c = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        torch.set_num_threads(1)
        return self.c(x).mean((2, 3))


class AlwaysTraining(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))

    def train(self, mode=True):
        return super().train(True)

    def forward(self, x):
        return self.n(x).mean((2, 3))


made_already = convolution()

def kept():
    return Keeping()

def kept_by_value():
    return Keeping(key=lambda x: float(x.sum()))
"""
WEIGHTS = 3 * 4 * 9 + 4
FLOPS = 2 * 36 * 3 * 4 * 9
"""Of the convolution, an image of 8 x 8."""
QUICK = Sampling(case_budget_s=0.02, min_samples=6, warmup_calls=1)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("networks") / "nets.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The process's: put back what was in force."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def case(file: Path, name: str, **changes: Any) -> Case:
    given = {"device": "cpu", "batch_size": 2, "image_px": 8, "param_dtype": "float32", "threads": 2}
    return Case(model=f"{file}:{name}", **(given | changes))


def session(file: Path, name: str, **changes: Any) -> Any:
    asked = case(file, name, **changes)
    return torch_eager.open_session(models.create_workload(asked), asked, 0)


def measured(file: Path, name: str, metrics: tuple[str, ...] = ("latency",), **changes: Any) -> Outcome:
    """What a case comes to that is opened, visited once, and closed; without its times."""
    job = Job(job_id="j", case_id="0" * 12, case=case(file, name, **changes), metrics=metrics, sampling=QUICK)
    length = Length(timed_s=0.02, cold_s=0.0, least=6, most=20)
    held = OpenCases(models.create_workload)
    opened = held.answer(Asked(what="open", job_id="j", job=job)).outcome
    assert opened is not None
    if opened.status != "ok":
        return opened
    failed = held.answer(Asked(what="visit", job_id="j", length=length)).outcome
    closed = failed or held.answer(Asked(what="close", job_id="j")).outcome
    assert closed is not None
    return dataclasses.replace(closed, measurements=opened.measurements)


def told(file: Path, name: str, **changes: Any) -> str:
    item = session(file, name, **changes)
    effective = item.effective(item.call())
    assert difference(case(file, name, **changes), effective) == ""
    return effective.network


def test_an_ordinary_network_has_nothing_to_tell_and_no_doubts(file: Path) -> None:
    item = session(file, "convolution")
    assert item.effective(item.call()).network == ""
    assert item.effective(item.call()).inputs == "float32 2x3x8x8"
    assert item.doubts() == ()
    assert item.compilation() is None


@pytest.mark.parametrize("name", ["kept", "kept_by_value"])
def test_an_answer_from_a_cache_is_a_wrong_output(file: Path, name: str) -> None:
    outcome = measured(file, name)
    assert outcome.status == "wrong_output"
    assert f"compute 0 of the {2 * FLOPS:,} FLOP" in outcome.reason
    assert "answers from what it kept" in outcome.reason


def test_weights_that_are_zero_are_no_cache(file: Path) -> None:
    assert session(file, "Zero").doubts() == ()


def test_memory_that_grows_with_every_call_is_flagged(file: Path) -> None:
    assert session(file, "Growing").doubts() == ("memory_grows",)
    assert session(file, "Growing", mode="train").doubts() == ("memory_grows",)
    assert session(file, "LastOne").doubts() == (), "what replaces itself does not grow"
    assert session(file, "convolution", mode="train").doubts() == ()


def test_work_that_differs_from_call_to_call_is_flagged_and_said(file: Path) -> None:
    assert session(file, "RandomDepth").doubts() == ("work_varies",)


def test_a_network_that_cannot_be_watched_keeps_its_numbers_and_says_so(file: Path) -> None:
    assert session(file, "Unwatched").doubts() == ("unwatched",)


def test_doubts_reach_the_row(file: Path) -> None:
    assert "memory_grows" in measured(file, "Growing").flags


def test_sets_of_inputs_take_turns_in_a_users_network_alone(file: Path) -> None:
    item, sums = session(file, "convolution"), set[float]()
    item._network.register_forward_pre_hook(lambda _, given: sums.add(float(given[0].sum())))
    item.time_calls(8)
    assert len(sums) == 4
    known = torch_eager.open_session(Classification(network=item._network), case(file, "convolution"), 0)
    sums.clear()
    known.time_calls(8)
    assert len(sums) == 1


def test_large_inputs_take_turns_two_at_a_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdabench.backends._torch_session.TURNS_BYTES", 0)
    item = session(file, "convolution")
    assert len({id(next(item._turns)) for _ in range(8)}) == 2


def test_the_output_after_the_timing_is_checked_too(file: Path) -> None:
    outcome = measured(file, "LaterNaN")
    assert outcome.status == "wrong_output"
    assert "8 of 8 outputs are not finite" in outcome.reason


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")  # people have such networks
def test_torchscript_is_said(file: Path) -> None:
    assert told(file, "scripted") == "TorchScript"
    assert session(file, "scripted").flops() == 2 * FLOPS


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore:torch.quantize_per_tensor"
)  # people have such networks
def test_quantised_weights_are_said_and_counted(file: Path) -> None:
    item = session(file, "quantised")
    assert item.effective(item.call()).network == "quantised: 1 Linear in qint8"
    assert (item.parameters(), item.parameter_bytes()) == (192 * 10 + 10, 192 * 10 + 4 * 10)
    assert item.flops() == 2 * 2 * 192 * 10
    assert item.doubts() == ()


@pytest.mark.filterwarnings("ignore:Using `torch.compile:UserWarning")  # torch's own counter has hooks on all modules
@pytest.mark.parametrize("name", ["twice", "inside"])
def test_what_its_author_compiled_is_told_apart(file: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdabench.backends.torch_compile.start_compiler", lambda device: None)
    outcome = measured(file, name, ("latency", "first_call", "flops"))
    assert outcome.effective.compiler == "torch.compile by its author, 1 graph, 0 breaks"
    assert outcome.effective.network == ("compiled by its author" if name == "twice" else "")
    values = {measurement.metric: measurement.value or 0.0 for measurement in outcome.measurements}
    assert 0 < values["compile"] < values["first_call"]
    assert values["flops"] == FLOPS


def test_a_network_in_several_precisions_stays_as_its_author_made_it(file: Path) -> None:
    item = session(file, "Mixed")
    effective = item.effective(item.call())
    assert (effective.param_dtype, effective.output_dtype, effective.network) == ("float16,float32", "float32", LEFT)
    assert difference(case(file, "Mixed"), effective) == ""


def test_what_was_cast_where_a_precision_was_asked_is_said(file: Path) -> None:
    bfloat16 = {"dtype": "bfloat16", "param_dtype": "bfloat16"}
    assert told(file, "Mixed", **bfloat16) == "cast from float16,float32 to bfloat16"
    assert told(file, "double") == "cast from float64 to float32"
    assert told(file, "convolution", **bfloat16) == "", "as every network is"


def test_a_network_in_half_precision_says_what_to_ask(file: Path) -> None:
    outcome = measured(file, "half")
    assert outcome.status == "unsupported"
    assert "the network is in float16 and takes no float32 inputs" in outcome.reason
    assert "use --dtype float16, or cast what forward is given" in outcome.reason
    assert told(file, "half", dtype="float16", param_dtype="float16") == ""


def test_lazy_parameters_are_made_before_they_are_counted(file: Path) -> None:
    item = session(file, "lazy")
    assert item.parameters() == WEIGHTS
    again = session(file, "lazy")
    assert torch.equal(item.call(), again.call()), "of the same seed"
    assert session(file, "lazy", mode="train").parameters() == WEIGHTS


def test_a_network_without_parameters_is_measured_and_not_trained(file: Path) -> None:
    item = session(file, "without_parameters")
    assert (item.parameters(), item.check(item.call()), item.doubts()) == (0, "", ())
    with pytest.raises(UnsupportedError, match="no parameters to train; use --mode inference"):
        session(file, "without_parameters", mode="train")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Threads", "threads 1 instead of 2 (the network calls torch.set_num_threads itself"),
        ("AlwaysTraining", "mode 'train' instead of 'inference' (its train() or eval() does not do"),
    ],
)
def test_what_a_network_changes_itself_is_a_mismatch_that_says_so(file: Path, name: str, said: str) -> None:
    outcome = measured(file, name)
    assert outcome.status == "mismatch"
    assert said in outcome.reason


def test_what_is_no_network_says_what_it_is(file: Path) -> None:
    with pytest.raises(
        LambdabenchError, match=r"returned a tuple of Sequential, str, expected .*; return the network alone"
    ):
        models.create_workload(case(file, "with_its_name"))
    with pytest.raises(LambdabenchError, match=r"returned the class Calling, expected .*; call it"):
        models.create_workload(case(file, "not_called"))


def test_a_network_that_is_there_already_is_taken_as_it_is(file: Path) -> None:
    assert session(file, "made_already").parameters() == WEIGHTS
    with pytest.raises(UnsupportedError, match="is a network and takes no option width; give what makes it"):
        models.create_workload(case(file, "made_already", options=(("width", 4),)))


def test_long_calls_are_watched_twice_and_short_ones_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def step(x: torch.Tensor) -> torch.Tensor:
        seen.append(1)
        return x @ x

    tensor = torch.ones(2, 2)
    monkeypatch.setattr(_torch_watch, "IMPATIENCE_S", 0.0)
    assert _torch_watch.doubts(step, tensor, lambda turn: tensor * turn, None) == ()
    assert len(seen) == 2
    monkeypatch.setattr(_torch_watch, "IMPATIENCE_S", float("inf"))
    monkeypatch.setattr(_torch_watch, "PATIENCE_S", float("inf"))
    assert _torch_watch.doubts(step, tensor, lambda turn: tensor * turn, None) == ()
    assert len(seen) == 2 + 10


def test_a_program_of_one_batch_is_refused_before_it_runs(file: Path, tmp_path: Path) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten()).eval()
    path = tmp_path / "one.pt2"
    torch.export.save(torch.export.export(network, (torch.randn(1, 3, 8, 8),)), path)
    asked = Case(model=str(path), batch_size=4, image_px=8)
    with pytest.raises(UnsupportedError, match=r"exported for batch 1 only, found 4; use --batch-size 1"):
        models.create_workload(asked)
    with pytest.raises(UnsupportedError, match=r"exported for images of 3x8x8 only, found 3x16x16; use --image-px 8"):
        models.create_workload(Case(model=str(path), batch_size=1, image_px=16))
